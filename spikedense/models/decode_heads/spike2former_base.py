"""The network from pyramid to masks, shared by the Spike2Former heads for mmseg and mmdet."""

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

from ..layers import out_layer, over_time, scale_output, sine_positions
from ..layers.mask_embed import SpikeMaskEmbed
from ..pixel_decoders.sdte_pixel_decoder import NUM_MEMORIES
from ..transformer_decoders import SpikeTransformerDecoder


class MaskProduct(nn.Module):
    """Mask logits ``mean_t sum_c embedding F``; a module, so that analysis can name the product."""

    no_nir = 'it multiplies spikes by maps, NIR only spikes by weights'

    def forward(self, embedding: Tensor, mask_features: Tensor) -> Tensor:
        """Multiply embeddings by mask features.

        Args:
            embedding: Spikes of L states of the queries, ``[T, L*B, Q, C]``.
            mask_features: ``[T, B, C, H, W]``.

        Returns:
            Logits, ``[L, B, Q, H, W]``.
        """
        T, B = mask_features.shape[:2]
        embedding = embedding.unflatten(1, (-1, B))
        masks = torch.einsum('tlbqc,tbchw->lbqhw', embedding, mask_features)
        return masks if T == 1 else masks / T


class SpikeMaskClassifier(BaseModule):
    r"""Pixel decoder, query decoder, and the classes and masks of the queries.

    This is a mix-in for a MaskFormer head of mmseg or mmdet; name it before that head. It averages
    over time, so targets, losses and inference of the library get tensors without a time axis.

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
        """Build the modules.

        Args:
            in_channels: Channels of the backbone's maps, finest first.
            num_classes: Number of classes, without the class "nothing".
            pixel_decoder: Config of the pixel decoder, without the arguments of this method.
            transformer_decoder: Arguments of :class:`SpikeTransformerDecoder`.
            feat_channels: Width of memories and queries.
            out_channels: Channels of the mask features.
            num_queries: Number of queries. Weights depend on it.
            mask_embed: Arguments of :class:`SpikeMaskEmbed`.
            neuron_cfg: Default ``dict(type='NILIF', D=4)``.
            norm_cfg: Default ``dict(type='BN')``.
            masked_attention: Whether a query sees only the tokens in its last mask, as in
                Mask2Former. Off by default, because spiking masks are sparse.
            legacy_layout: Whether to mix channels and places as the released code does. Official
                checkpoints need it.
        """
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
        """Build the losses, the assigner and the sampler under the names that the library reads.

        Args:
            loss_cls: Loss of the classes. ``class_weight`` is by default 1 for each class and 0.1
                for "nothing".
            loss_mask: Loss of the pixels of the masks.
            loss_dice: Loss of the overlap of the masks.
            train_cfg: Configs of the assigner and the sampler.
            test_cfg: Settings of the library's inference.
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
        """Initialise each part by its own rule; embeddings keep their normal distribution."""
        # Not super(), because the library's heads initialise analog decoders.
        BaseModule.init_weights(self)
        if self.init_cfg is None:
            nn.init.trunc_normal_(self.cls_embed.weight, std=0.02)
            nn.init.zeros_(self.cls_embed.bias)

    def forward(
        self, x: Sequence[Tensor], batch_data_samples: Sequence[Any] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict classes and masks from the queries at the start and after each layer.

        Args:
            x: The backbone's maps, finest first, ``[T, B, C_i, H_i, W_i]`` or
                ``[B, C_i, H_i, W_i]``.
            batch_data_samples: Not read, because no attention depends on the padding.

        Returns:
            Class logits ``[L + 1, B, Q, num_classes + 1]`` and mask logits ``[L + 1, B, Q, H, W]``
            at the size of the mask features, in float32 or float64. Inside of ``predict`` the first
            axis has size 1.
        """
        mask_features, memories = self.pixel_decoder(x)
        states = self._decode(mask_features, memories)
        return self._read(states[-1:] if self._last_state_only else states, mask_features)

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Scale the layer that gives the mask features by a factor from the mask embeddings."""
        scale_output(out_layer(self.pixel_decoder.mask_conv), factor)

    def _decode(self, mask_features: Tensor, memories: Sequence[Tensor]) -> list[Tensor]:
        """Run the query decoder and return L + 1 states ``[T, B, C, 1, Q]``, maps of height 1."""
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
        """Predict classes and masks from L states of the queries, averaged over time."""
        queries = torch.stack(list(states), dim=1).squeeze(-2).transpose(-2, -1)  # [T, L, B, Q, C]
        L, B = queries.shape[1:3]
        spikes, embedding = self.mask_embed(queries.flatten(1, 2))
        classes = over_time(self.cls_embed, spikes).mean(0).unflatten(0, (L, B))
        masks = self.mask_product(embedding, mask_features)
        return _at_least_float32(classes), _at_least_float32(masks)

    @torch.no_grad()
    def _visible_tokens(self, state: Tensor, mask_features: Tensor, size: Sequence[int]) -> Tensor:
        """Mark the tokens in each query's mask, or all for an empty mask, ``[T*B, 1, h*w, Q]``."""
        with _running_statistics_kept(self.mask_embed):
            masks = self._read([state], mask_features)[1][0]  # [B, Q, H, W]
        inside = F.interpolate(masks, size=tuple(size), mode='bilinear').flatten(2) > 0
        inside |= ~inside.any(-1, keepdim=True)
        return inside.transpose(1, 2).unsqueeze(1).repeat(state.size(0), 1, 1, 1)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict as the library does, from the state after the last layer alone."""
        with self.last_state_only():
            return super().predict(*args, **kwargs)

    @contextmanager
    def last_state_only(self) -> Iterator[None]:
        """Compute classes and masks after the last layer only, inside of a ``with`` block."""
        self._last_state_only = True
        try:
            yield
        finally:
            self._last_state_only = False


@contextmanager
def _running_statistics_kept(module: nn.Module) -> Iterator[None]:
    """Restore the running statistics of norms after a ``with`` block."""
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in module.named_buffers():
            buffer.copy_(buffers[name])


def _as_map(table: Tensor) -> Tensor:
    """Turn ``[Q, C]`` into ``[C, 1, Q]``."""
    return table.t().unsqueeze(1)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
