"""CamVid with 11 classes, in the 480x360 version of the SegNet tutorial."""

import os.path as osp
from typing import Any

from mmseg.datasets import BaseSegDataset

from spikedense.registry import DATASETS


@DATASETS.register_module()
class CamVidDataset(BaseSegDataset):
    """Street scenes from a car: labels 0..10, 255 is void, colours of the SegNet tutorial.

    Args:
        img_suffix: Ending of image names.
        seg_map_suffix: Ending of label names.
        **kwargs: Arguments of mmseg's ``BaseSegDataset``.
    """

    METAINFO = dict(
        classes=(
            'sky',
            'building',
            'pole',
            'road',
            'pavement',
            'tree',
            'signsymbol',
            'fence',
            'car',
            'pedestrian',
            'bicyclist',
        ),
        palette=[
            [128, 128, 128],
            [128, 0, 0],
            [192, 192, 128],
            [128, 64, 128],
            [60, 40, 222],
            [128, 128, 0],
            [192, 128, 128],
            [64, 64, 128],
            [64, 0, 128],
            [64, 64, 0],
            [0, 128, 192],
        ],
    )

    def __init__(
        self, img_suffix: str = '.jpg', seg_map_suffix: str = '.png', **kwargs: Any
    ) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the samples of the split."""
        folder = self.data_prefix['img_path']
        if not osp.isdir(folder):
            raise FileNotFoundError(
                f'CamVid: no image folder at {folder}; expected the layout in docs/data.md, in the '
                'folder camvid/ of DATA_ROOT.'
            )
        samples = super().load_data_list()
        if not samples:
            raise FileNotFoundError(f'CamVid: no {self.img_suffix} image in {folder}.')
        return samples
