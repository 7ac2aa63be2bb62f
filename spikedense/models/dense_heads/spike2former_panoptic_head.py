"""Spike2Former for instance and panoptic segmentation (mmdet)."""

from typing import Any

from mmdet.models.dense_heads import Mask2FormerHead, MaskFormerHead
from mmengine.model import BaseModule

from spikedense.registry import MODELS

from ..decode_heads.spike2former_base import SpikeMaskClassifier


@MODELS.register_module()
class Spike2FormerPanopticHead(SpikeMaskClassifier, MaskFormerHead):
    """Spike2Former as the ``panoptic_head`` of mmdet's ``MaskFormer``, with MaskFormer's losses.

    Targets, losses and inference are those of mmdet's ``MaskFormerHead``. A fusion head turns the
    masks into instances or panoptic segments.

    Args:
        num_things_classes: Number of classes with instances. These classes come first.
        num_stuff_classes: Number of classes without instances.
        loss_cls, loss_mask, loss_dice: Losses, see :meth:`SpikeMaskClassifier.build_losses`.
        train_cfg: Configs of the assigner and the sampler, given by the detector.
        test_cfg: Settings of the fusion head, given by the detector.
        **network: Arguments of :meth:`SpikeMaskClassifier.build_network`.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        loss_cls: dict[str, Any],
        loss_mask: dict[str, Any],
        loss_dice: dict[str, Any],
        train_cfg: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
        init_cfg: dict | list[dict] | None = None,
        **network: Any,
    ) -> None:
        # Not super(), because the parents build an analog pixel decoder and query decoder.
        BaseModule.__init__(self, init_cfg)
        self.num_things_classes = num_things_classes
        self.num_stuff_classes = num_stuff_classes
        self.build_network(num_classes=num_things_classes + num_stuff_classes, **network)
        self.build_losses(loss_cls, loss_mask, loss_dice, train_cfg, test_cfg)


@MODELS.register_module()
class Spike2FormerPointHead(Spike2FormerPanopticHead, Mask2FormerHead):
    """:class:`Spike2FormerPanopticHead` with Mask2Former's losses on sampled points.

    Args:
        **kwargs: Arguments of :class:`Spike2FormerPanopticHead`. ``train_cfg`` may also contain
            ``num_points`` (default 12544), ``oversample_ratio`` (3.0) and
            ``importance_sample_ratio`` (0.75).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        points = self.train_cfg or {}
        self.num_points = points.get('num_points', 12544)
        self.oversample_ratio = points.get('oversample_ratio', 3.0)
        self.importance_sample_ratio = points.get('importance_sample_ratio', 0.75)
