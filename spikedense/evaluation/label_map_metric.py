"""mmseg's IoU metric, with a label map of its own for each image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info
from mmseg.evaluation import IoUMetric
from PIL import Image

from spikedense.registry import METRICS
from spikedense.utils.files import complete_or_absent
from spikedense.utils.output_names import name_of

_EIGHT_BITS = 255


@METRICS.register_module()
class LabelMapMetric(IoUMetric):
    """Write the label maps of images of equal names into different files.

    mmseg names a label map by the image alone, so that images of two folders replace each other,
    and cuts labels to 8 bits.

    Attributes:
        names: Names of the files; None for those of the images.
    """

    names: Any = None
    output_dir: str | None
    _number = 0

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare predictions with their labels, and write the predictions.

        Args:
            data_batch: The batch as loaded.
            data_samples: Predictions and labels, as dictionaries.
        """
        folder, self.output_dir = self.output_dir, None
        try:
            super().process(data_batch, data_samples)
        finally:
            self.output_dir = folder
        if folder is not None:
            for sample in data_samples:
                self._write(Path(folder), sample)

    def _write(self, folder: Path, sample: dict) -> None:
        path: Any = sample.get('img_path')
        rank, processes = get_dist_info()
        number = self._number * processes + rank
        self._number += 1
        name = name_of(path) if self.names is None else self.names.of(path, number)
        labels = sample['pred_sem_seg']['data'].squeeze().cpu().numpy()  # [H, W]
        # As mmseg: labels of a set whose label 0 is "nothing" are those of its files again.
        labels = labels.astype(np.int64) + bool(sample.get('reduce_zero_label', False))
        kind = np.uint8 if labels.max(initial=0) <= _EIGHT_BITS else np.uint16
        out = folder / f'{name}.png'
        out.parent.mkdir(parents=True, exist_ok=True)
        with complete_or_absent(out) as part:
            Image.fromarray(labels.astype(kind)).save(part)
