"""Label maps whose numbers are not those of the classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmseg.datasets.transforms import LoadAnnotations as _LoadAnnotations

from spikedense.errors import UserError
from spikedense.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadAnnotations(_LoadAnnotations):
    """mmseg's ``LoadAnnotations`` with other numbers for some labels.

    Masks of 0 and 255 need ``label_map={255: 1}``; files with void in 11, ``label_map={11: 255}``.

    Args:
        label_map: Label -> label to learn, from 0 to 255. Other labels stay as they are. The map is
            applied last, after ``reduce_zero_label`` and the ``label_map`` of the data set.
        **kwargs: Arguments of mmseg's ``LoadAnnotations``.

    Raises:
        UserError: A label is not a whole number from 0 to 255.
    """

    def __init__(self, label_map: Mapping[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = np.arange(256, dtype=np.uint8)
        for label, other in label_map.items():
            for value in (label, other):
                if not isinstance(value, int) or not 0 <= value <= 255:
                    raise UserError(
                        f'label_map={dict(label_map)} of spikedense.LoadAnnotations has {value!r}, '
                        'expected whole numbers from 0 to 255'
                    )
            self.table[label] = other

    def _load_seg_map(self, results: dict) -> None:
        super()._load_seg_map(results)
        results['gt_seg_map'] = self.table[results['gt_seg_map']]
