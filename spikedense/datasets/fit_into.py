"""The resizing of an image for a network of one fixed size."""

from typing import Any

import mmcv
from mmcv.transforms import BaseTransform

from spikedense.registry import TRANSFORMS


@TRANSFORMS.register_module()
class FitInto(BaseTransform):
    """Resize an image so that it fits into a size, with its ratio of height to width.

    Args:
        size: Height and width.
        enlarge: Whether an image that fits already is made as large as possible.
    """

    def __init__(self, size: tuple[int, int], enlarge: bool) -> None:
        self.size = tuple(size)
        self.enlarge = enlarge

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize the image of a sample.

        Args:
            results: The sample.

        Returns:
            The same sample.
        """
        height, width = results['img'].shape[:2]
        factor = min(self.size[0] / height, self.size[1] / width)
        if factor < 1 or (factor > 1 and self.enlarge):
            # Not longer than the size after rounding.
            wanted = (
                max(1, min(self.size[1], round(width * factor))),
                max(1, min(self.size[0], round(height * factor))),
            )
            results['img'] = mmcv.imresize(results['img'], wanted, interpolation='bilinear')
        found = results['img'].shape[:2]
        results['img_shape'] = found
        results['scale_factor'] = (found[1] / width, found[0] / height)
        results['keep_ratio'] = True
        return results
