"""What the Spike2Former heads for mmseg and mmdet share: all between the pyramid and the masks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import TASK_UTILS
from torch import Tensor, nn

from spikedense.neurons import neuron_or_default
from spikedense.registry import MODELS
from spikedense.utils.ops_guard import require_mmcv_ops

from ..layers import out_layer, over_time, scale_output, sine_positions
from ..layers.mask_embed import SpikeMaskEmbed
from ..pixel_decoders.sdte_pixel_decoder import NUM_MEMORIES
from ..transformer_decoders import SpikeTransformerDecoder


class MaskProduct(nn.Module):
    """Mask logits, as a module that analysis and deployment can name: mean_t sum_c embedding F."""

    no_nir = 'it multiplies spikes by maps, NIR only spikes by weights'

    def forward(self, embedding: Tensor, mask_features: Tensor) -> Tensor:
        """Multiplies.

        Args:
            embedding: spikes of L states, ``[T, L*B, Q, C]``.
            mask_features: ``[T, B, C, H, W]``.

        Returns:
            ``[L, B, Q, H, W]``.
        """
        T, B = mask_features.shape[:2]
        embedding = embedding.unflatten(1, (-1, B))
        masks = torch.einsum('tlbqc,tbchw->lbqhw', embedding, mask_features)
        return masks if T == 1 else masks / T


class SpikeMaskClassifier(BaseModule):
    r"""Pixel decoder, query decoder, and what is read from the queries.

    A mix-in, to stand in front of a MaskFormer head of mmseg or mmdet, whose targets, losses and
    inference then see ordinary tensors: the time axis is averaged over here.

    .. math::
        \mathrm{cls} = \mathrm{mean}_t \, W_c R, \qquad
        \mathrm{masks} = \mathrm{mean}_t \sum_c \zeta_{qc} F_{chw}
    """

    def build_network(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        pixel_decoder: dict[str, Any],
        transformer_decoder: dict[str, Any],
        feat_channels: int = 256,
        out_channels: int = 256,
        num_queries: int = 100,
        mask_embed: dict[str, Any] | None = None,
        neuron_cfg: dict[str, Any] | None = None,
        norm_cfg: dict[str, Any] | None = None,
        masked_attention: bool = False,
        legacy_layout: bool = False,
    ) -> None:
        """Makes the modules.

        Args:
            in_channels: channels of the backbone's maps, finest first.
            num_classes: number of classes, "nothing" not counted.
            pixel_decoder: config of the pixel decoder, without what is said here.
            transformer_decoder: arguments of :class:`SpikeTransformerDecoder`.
            feat_channels: width of memories and queries.
            out_channels: channels of the mask features.
            num_queries: number of queries; it is part of the weights.
            mask_embed: arguments of :class:`SpikeMaskEmbed`.
            neuron_cfg: the neuron; default ``dict(type='NILIF', D=4)``.
            norm_cfg: the norm; default ``dict(type='BN')``.
            masked_attention: whether a query sees only tokens in its last mask (Mask2Former's
                attention; an option, for spiking masks are sparse).
            legacy_layout: whether to mix channels and places as the released code does, which
                official checkpoints need.
        """
        require_mmcv_ops('Spike2Former, whose losses and matcher come from mmdet,')
        cfg: dict[str, Any] = dict(
            neuron_cfg=neuron_or_default(neuron_cfg), norm_cfg=norm_cfg or dict(type='BN')
        )
        layout = dict(legacy_layout=True) if legacy_layout else {}
        if num_queries < 1:
            raise ValueError(f'num_queries={num_queries}, expected at least 1')
        self.in_channels = tuple(in_channels)
        self.num_classes = num_classes
        self.num_queries = num_queries
        self.masked_attention = masked_attention
        self.pixel_decoder = MODELS.build(
            dict(
                cfg,
                in_channels=in_channels,
                feat_channels=feat_channels,
                out_channels=out_channels,
                **layout,
                **pixel_decoder,
            )
        )
        self.transformer_decoder = SpikeTransformerDecoder(
            feat_channels, **{**cfg, **layout, **transformer_decoder}
        )
        self.query_feat = nn.Embedding(num_queries, feat_channels)
        self.query_embed = nn.Embedding(num_queries, feat_channels)
        self.level_embed = nn.Embedding(NUM_MEMORIES, feat_channels)
        self.cls_embed = nn.Linear(feat_channels, num_classes + 1)
        self.mask_embed = SpikeMaskEmbed(
            feat_channels, out_channels, num_queries, **{**cfg, **(mask_embed or {})}
        )
        self.mask_product = MaskProduct()
        self._last_state_only = False

    def build_losses(
        self,
        loss_cls: dict[str, Any],
        loss_mask: dict[str, Any],
        loss_dice: dict[str, Any],
        train_cfg: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
    ) -> None:
        """Makes what the library's targets and losses read from a head.

        Args:
            loss_cls: loss of the classes; ``class_weight`` is 1 for each and 0.1 for "nothing" if
                it is not given.
            loss_mask: loss of the masks' pixels.
            loss_dice: loss of the masks' overlap.
            train_cfg: the assigner and the sampler.
            test_cfg: of the library's inference.
        """
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg
        if train_cfg:
            self.assigner = TASK_UTILS.build(train_cfg['assigner'])
            self.sampler = TASK_UTILS.build(train_cfg['sampler'], default_args=dict(context=self))
        class_weight = [1.0] * self.num_classes + [0.1]
        self.loss_cls = MODELS.build({'class_weight': class_weight, **loss_cls})
        self.loss_mask = MODELS.build(loss_mask)
        self.loss_dice = MODELS.build(loss_dice)
        self.class_weight = self.loss_cls.class_weight

    def init_weights(self) -> None:
        """Initialises the parts, which have their own rules; embeddings keep normal numbers."""
        # Not super(): the library's heads initialise an analog pixel decoder and query decoder.
        BaseModule.init_weights(self)
        if self.init_cfg is None:
            nn.init.trunc_normal_(self.cls_embed.weight, std=0.02)
            nn.init.zeros_(self.cls_embed.bias)

    def forward(
        self, x: Sequence[Tensor], batch_data_samples: Sequence[Any] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predicts classes and masks from the queries at the start and after each layer.

        Args:
            x: the backbone's maps, finest first, ``[T, B, C_i, H_i, W_i]`` or
                ``[B, C_i, H_i, W_i]``.
            batch_data_samples: not read: no attention looks at the padding.

        Returns:
            Class logits ``[L + 1, B, Q, num_classes + 1]`` and mask logits ``[L + 1, B, Q, H, W]``
            at the size of the mask features (1 instead of L + 1 within ``predict``). Float32 at
            least.
        """
        mask_features, memories = self.pixel_decoder(x)
        states = self._decode(mask_features, memories)
        return self._read(states[-1:] if self._last_state_only else states, mask_features)

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Take a factor on the mask embeddings into the layer that gives the mask features."""
        scale_output(out_layer(self.pixel_decoder.mask_conv), factor)

    def _decode(self, mask_features: Tensor, memories: Sequence[Tensor]) -> list[Tensor]:
        """Runs the query decoder: L + 1 states ``[T, B, C, 1, Q]``, maps of height 1."""
        time_and_batch = mask_features.shape[:2]
        query = _as_map(self.query_feat.weight).expand(*time_and_batch, -1, -1, -1)
        tokens = [
            x + level[:, None, None]
            for x, level in zip(memories, self.level_embed.weight, strict=True)
        ]

        def mask_of(state: Tensor, level: int) -> Tensor:
            return self._visible_tokens(state, mask_features, memories[level].shape[-2:])

        return self.transformer_decoder(
            query,
            _as_map(self.query_embed.weight),
            tokens,
            [sine_positions(x) for x in memories],
            mask_of if self.masked_attention else None,
        )

    def _read(self, states: Sequence[Tensor], mask_features: Tensor) -> tuple[Tensor, Tensor]:
        """Classes and masks of L states of the queries, averaged over time."""
        queries = torch.stack(list(states), dim=1).squeeze(-2).transpose(-2, -1)  # [T, L, B, Q, C]
        L, B = queries.shape[1:3]
        spikes, embedding = self.mask_embed(queries.flatten(1, 2))
        classes = over_time(self.cls_embed, spikes).mean(0).unflatten(0, (L, B))
        masks = self.mask_product(embedding, mask_features)
        return _at_least_float32(classes), _at_least_float32(masks)

    @torch.no_grad()
    def _visible_tokens(self, state: Tensor, mask_features: Tensor, size: Sequence[int]) -> Tensor:
        """Tokens inside each query's mask, all where it is empty: ``[T*B, 1, h*w, Q]``."""
        with _running_statistics_kept(self.mask_embed):
            masks = self._read([state], mask_features)[1][0]  # [B, Q, H, W]
        inside = F.interpolate(masks, size=tuple(size), mode='bilinear').flatten(2) > 0
        inside |= ~inside.any(-1, keepdim=True)
        return inside.transpose(1, 2).unsqueeze(1).repeat(state.size(0), 1, 1, 1)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """The library's prediction, for which the masks of the last layer are enough."""
        with self.last_state_only():
            return super().predict(*args, **kwargs)

    @contextmanager
    def last_state_only(self) -> Iterator[None]:
        """Within it, only what the last layer says is computed, as for a prediction."""
        self._last_state_only = True
        try:
            yield
        finally:
            self._last_state_only = False


@contextmanager
def _running_statistics_kept(module: nn.Module) -> Iterator[None]:
    """Lets norms in training mode use a batch's statistics without taking note of them."""
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in module.named_buffers():
            buffer.copy_(buffers[name])


def _as_map(table: Tensor) -> Tensor:
    """``[Q, C] -> [C, 1, Q]``."""
    return table.t().unsqueeze(1)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
