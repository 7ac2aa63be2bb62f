"""The spiking masked auto-encoder of Spike-driven Transformer V3."""

from typing import Any, NamedTuple, cast

import torch
from mmcv.cnn import build_norm_layer
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor

from spikedense.ops import guarded_norm
from spikedense.registry import MODELS

from ..backbones import SpikeBackbone
from ..layers.masked_conv import PatchMask, mask_convs


class Masking(NamedTuple):
    """A random choice of patches.

    Attributes:
        mask: 1 for masked patches, 0 for visible ones, ``[B, L]``.
        visible: Numbers of the visible patches, ``[B, K]``.
        ids_restore: Rank of each patch in the random order, ``[B, L]``.
    """

    mask: Tensor
    visible: Tensor
    ids_restore: Tensor


@MODELS.register_module()
class SpikeMAE(BaseSelfSupervisor):
    """Spiking masked auto-encoder (SpikMAE) for any backbone with a convolutional front.

    Masked patches of the image are zero. The layers in front of the transformer are sparse: their
    output is zero in masked patches, and their norms see visible positions alone. So a masked pixel
    changes no output. The blocks of the transformer are dense: they fill the masked tokens, and a
    decoder predicts the pixels of all patches. The loss compares the masked ones.

    The backbone is the dense one of a config, with the same keys. So a dense model loads it by
    ``init_cfg=dict(type='Pretrained', checkpoint=FILE)``.

    Args:
        backbone: A :class:`SpikeBackbone`, which returns one feature, of the stride of a patch.
        neck: The decoder, as :class:`MAEDecoder`.
        head: The loss, as mmpretrain's ``MAEPretrainHead``.
        mask_ratio: Share of masked patches.
        dense_from: Number of the first stage with dense blocks; its down-sampling is sparse.
        permute_tokens: Whether position l of the decoder reads token ``ids_restore[l]``, as in the
            release. Its tokens were never shuffled, so each position reads the token of another
            patch there.
        norm_cfg: Norm of the encoder's output; None means ``dict(type='BN')``.
        **kwargs: Arguments of mmpretrain's ``BaseSelfSupervisor``.
    """

    backbone: SpikeBackbone
    neck: Any
    head: Any

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any],
        head: dict[str, Any],
        mask_ratio: float = 0.5,
        dense_from: int = 3,
        permute_tokens: bool = False,
        norm_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbone, neck, head, **kwargs)
        if not 0 < mask_ratio < 1:
            raise ValueError(f'mask_ratio={mask_ratio!r}, expected a number between 0 and 1')
        if not isinstance(self.backbone, SpikeBackbone) or len(self.backbone.out_indices) != 1:
            raise ValueError(
                f'SpikeMAE: the backbone is {type(self.backbone).__name__}, expected a spiking '
                'backbone of this package with one output'
            )
        (self.stride,) = self.backbone.out_strides
        if self.stride != self.head.patch_size:
            raise ValueError(
                f'the feature of the backbone has stride {self.stride}, expected the patch_size of '
                f'the head, {self.head.patch_size}'
            )
        self.mask_ratio = mask_ratio
        self.permute_tokens = permute_tokens
        (channels,) = self.backbone.out_channels
        self.norm = build_norm_layer(norm_cfg or dict(type='BN'), channels)[1]
        self.patch_mask = PatchMask()
        for i, stage in enumerate(self.backbone.stages[: dense_from + 1]):
            # The blocks of the last one of these stages are dense.
            mask_convs(stage, self.patch_mask, ('blocks',) if i == dense_from else ())

    def random_masking(self, noise: Tensor) -> Masking:
        """Choose patches: those with the smallest numbers stay visible.

        Args:
            noise: Random numbers, ``[B, L]``.

        Returns:
            The choice.
        """
        order = noise.argsort(dim=1)
        ids_restore = order.argsort(dim=1)
        keep = int(noise.size(1) * (1 - self.mask_ratio))
        return Masking((ids_restore >= keep).to(noise), order[:, :keep], ids_restore)

    def encode(self, images: Tensor, masking: Masking | None = None) -> Tensor:
        """Compute the tokens of images.

        Args:
            images: ``[B, C, H, W]``, with height and width that are multiples of a patch.
            masking: Which patches are visible; None: all, and the backbone is the dense one.

        Returns:
            Tokens, row by row, ``[B, L, C]``.
        """
        rows, columns = self._grid(images)
        # The mask stays: the backward pass of checkpointed blocks runs the layers again.
        mask = self.patch_mask
        mask.grid, mask.visible = (rows, columns), None if masking is None else masking.visible
        (feature,) = self.backbone(mask.apply(lambda seen: seen, images))
        feature = feature.mean(0) if feature.dim() == 5 else feature  # [B, C, rows, columns]
        return guarded_norm(self.norm, feature).flatten(2).transpose(1, 2)

    def decode(self, tokens: Tensor, masking: Masking) -> Tensor:
        """Predict the pixels of each patch, ``[B, L, C] -> [B, L, P]``."""
        return self.neck(tokens, masking.ids_restore if self.permute_tokens else None)

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Compute the tokens of images of which nothing is masked, ``[B, L, C]``."""
        return self.encode(inputs)

    def loss(
        self, inputs: Tensor, data_samples: list[DataSample] | None = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        """Compute the loss.

        Args:
            inputs: Images, ``[B, C, H, W]``.
            data_samples: Not read: nothing has labels.
            **kwargs: Not read.

        Returns:
            ``loss``, the error of the masked patches.
        """
        masking = self.random_masking(self._noise(inputs))
        pred = self.decode(self.encode(inputs, masking), masking)
        return dict(loss=self.head.loss(pred, inputs, masking.mask))

    @torch.no_grad()
    def reconstruct(
        self, images: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Fill the masked patches of images.

        A head whose targets are normalised predicts no brightness and no contrast of a patch, so
        these two numbers are taken from the image.

        Args:
            images: ``[B, C, H, W]``.
            generator: Of the random numbers, on the CPU.

        Returns:
            The mask, 1 in masked pixels, ``[B, 1, H, W]``, and the images with predicted pixels in
            masked patches, ``[B, C, H, W]``.
        """
        masking = self.random_masking(self._noise(images, generator))
        pred = self.decode(self.encode(images, masking), masking)
        patches = self.head.patchify(images)
        if self.head.norm_pix:
            spread = (patches.var(dim=-1, keepdim=True) + 1e-6).sqrt()
            pred = pred * spread + patches.mean(dim=-1, keepdim=True)
        masked = masking.mask[..., None]
        filled = self.head.unpatchify(torch.where(masked > 0, pred, patches))
        side = self.stride
        grid = masking.mask.unflatten(1, self._grid(images))[:, None]
        return grid.repeat_interleave(side, 2).repeat_interleave(side, 3), filled

    def _noise(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        rows, columns = self._grid(images)
        device = images.device if generator is None else 'cpu'
        noise = torch.rand(len(images), rows * columns, generator=generator, device=device)
        return noise.to(images.device)

    def _grid(self, images: Tensor) -> tuple[int, int]:
        height, width = cast(tuple[int, int], images.shape[-2:])
        if height % self.stride or width % self.stride:
            raise ValueError(
                f'images of {height}x{width}, expected multiples of {self.stride}, the side of a '
                'patch'
            )
        return height // self.stride, width // self.stride
