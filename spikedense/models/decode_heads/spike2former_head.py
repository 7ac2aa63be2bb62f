"""Spike2Former for semantic segmentation (mmseg)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.models.decode_heads import MaskFormerHead
from torch import Tensor

from spikedense.registry import MODELS

from .spike2former_base import SpikeMaskClassifier


@MODELS.register_module()
class Spike2FormerHead(SpikeMaskClassifier, MaskFormerHead):
    """Spike2Former (AAAI 2025): mask classification; one factor of each product is spikes.

    Targets, losses and inference are those of mmseg's ``MaskFormerHead``.

    Args:
        loss_cls, loss_mask, loss_dice: Losses, see :meth:`SpikeMaskClassifier.build_losses`.
        align_corners: Option of mmseg's resizing of the logits.
        ignore_index: Label of pixels without a class.
        train_cfg: Configs of the assigner and the sampler.
        test_cfg: Not read, because mmseg passes it to ``predict``.
        **network: Arguments of :meth:`SpikeMaskClassifier.build_network`.
    """

    def __init__(
        self,
        loss_cls: dict[str, Any],
        loss_mask: dict[str, Any],
        loss_dice: dict[str, Any],
        align_corners: bool = False,
        ignore_index: int = 255,
        train_cfg: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
        init_cfg: dict | list[dict] | None = None,
        **network: Any,
    ) -> None:
        # Not super(), because the parents build an analog pixel decoder and query decoder.
        BaseModule.__init__(self, init_cfg)
        self.build_network(**network)
        self.build_losses(loss_cls, loss_mask, loss_dice, train_cfg, test_cfg)
        self.out_channels = self.num_classes  # mmseg means the channels of the segmentation logits
        self.align_corners = align_corners
        self.ignore_index = ignore_index

    def predict(self, x: Sequence[Tensor], batch_img_metas: list[dict], test_cfg: Any) -> Tensor:
        """Predict at the size of the network's input, as mmseg's other heads do.

        mmseg's ``MaskFormerHead`` takes the size from ``img_shape``, which does not include the
        padding of a test image. mmseg then cuts off the padding a second time.

        Args:
            x: The backbone's maps, finest first.
            batch_img_metas: Meta information of each image.
            test_cfg: Test settings of the segmentor.

        Returns:
            Scores of the classes, ``[B, num_classes, H, W]``.
        """
        metas = [dict(meta, img_shape=_input_shape(meta)) for meta in batch_img_metas]
        return super().predict(x, metas, test_cfg)


def _input_shape(meta: dict[str, Any]) -> tuple[int, int]:
    """Return height and width of the network's input."""
    # mmseg marks the img_shape of a sliding window by the type torch.Size.
    if 'img_padding_size' in meta and not isinstance(meta['img_shape'], torch.Size):
        return tuple(meta['pad_shape'][:2])
    return meta['img_shape']
