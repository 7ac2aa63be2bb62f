"""The demo set for mmdet: instances of the shapes, or panoptic segments of all classes."""

from mmdet.datasets import CocoDataset, CocoPanopticDataset

from spikedense.registry import DATASETS

from .demo import GeneratedDemo
from .demo_scenes import CLASSES, PALETTE, THING_CLASSES


@DATASETS.register_module()
class DemoInstanceDataset(GeneratedDemo, CocoDataset):
    """The shapes as instances with boxes and masks, six classes.

    Args:
        **kwargs: Arguments of :class:`GeneratedDemo` and mmdet's ``CocoDataset``.
    """

    METAINFO = dict(classes=THING_CLASSES, palette=list(PALETTE[: len(THING_CLASSES)]))


@DATASETS.register_module()
class DemoPanopticDataset(GeneratedDemo, CocoPanopticDataset):
    """Six classes of shapes, with one segment for each instance, and three classes of stuff.

    Args:
        **kwargs: Arguments of :class:`GeneratedDemo` and mmdet's ``CocoPanopticDataset``.
    """

    METAINFO = dict(
        classes=CLASSES,
        thing_classes=THING_CLASSES,
        stuff_classes=CLASSES[len(THING_CLASSES) :],
        palette=list(PALETTE),
    )
