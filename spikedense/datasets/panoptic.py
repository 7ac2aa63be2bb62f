"""Panoptic annotations without the package panopticapi, which mmdet's loader requires."""

import numpy as np
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.datasets.transforms import LoadPanopticAnnotations as _LoadPanopticAnnotations

from spikedense.registry import TRANSFORMS


def segment_ids(image: np.ndarray) -> np.ndarray:
    """Read the segments of a panoptic PNG.

    Args:
        image: RGB, ``[H, W, 3]``, 8 bits.

    Returns:
        ``R + 256 G + 256^2 B``, ``[H, W]``, int32; 0 is void.
    """
    red, green, blue = np.moveaxis(image.astype(np.int32), -1, 0)
    return red + 256 * green + 256 * 256 * blue


@TRANSFORMS.register_module()
class LoadPanopticAnnotations(_LoadPanopticAnnotations):
    """mmdet's ``LoadPanopticAnnotations`` without panopticapi, which is in no package index.

    Args:
        with_bbox: Whether to load the boxes of things.
        with_label: Whether to load the classes of things.
        with_mask: Whether to load the masks of things.
        with_seg: Whether to load the class of each pixel, things first, 255 for void.
        **kwargs: Further arguments of mmdet's ``LoadAnnotations``.
    """

    def __init__(
        self,
        with_bbox: bool = True,
        with_label: bool = True,
        with_mask: bool = True,
        with_seg: bool = True,
        **kwargs,
    ) -> None:
        # Not super(), because the parent's constructor also imports a function of panopticapi.
        LoadAnnotations.__init__(
            self,
            with_bbox=with_bbox,
            with_label=with_label,
            with_mask=with_mask,
            with_seg=with_seg,
            **kwargs,
        )
        self.rgb2id = segment_ids
