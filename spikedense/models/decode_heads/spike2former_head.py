"""Spike2Former for semantic segmentation (mmseg)."""

from typing import Any

from mmengine.model import BaseModule
from mmseg.models.decode_heads import MaskFormerHead

from spikedense.registry import MODELS

from .spike2former_base import SpikeMaskClassifier


@MODELS.register_module()
class Spike2FormerHead(SpikeMaskClassifier, MaskFormerHead):
    """Spike2Former (AAAI 2025): mask classification with every product fed by spikes.

    Targets, losses and inference are those of mmseg's ``MaskFormerHead``.

    Args:
        loss_cls, loss_mask, loss_dice: losses, see :meth:`SpikeMaskClassifier.build_losses`.
        align_corners: of mmseg's resizing of the logits.
        ignore_index: label of pixels without a class.
        train_cfg: the assigner and the sampler.
        test_cfg: not read; mmseg hands it to ``predict``.
        init_cfg: initialisation of mmengine.
        **network: the network, see :meth:`SpikeMaskClassifier.build_network`.
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
        # The parents' constructors would build an analog pixel decoder and query decoder.
        BaseModule.__init__(self, init_cfg)
        self.build_network(**network)
        self.build_losses(loss_cls, loss_mask, loss_dice, train_cfg, test_cfg)
        self.out_channels = self.num_classes  # of the segmentation logits, as mmseg means it
        self.align_corners = align_corners
        self.ignore_index = ignore_index
