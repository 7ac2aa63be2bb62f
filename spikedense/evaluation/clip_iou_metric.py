"""The IoU metric for clips with a prediction for each frame."""

from collections.abc import Sequence
from typing import Any

import torch

from spikedense.registry import METRICS

from .class_iou_metric import ClassIoUMetric


@METRICS.register_module()
class ClipIoUMetric(ClassIoUMetric):
    """IoU over all frames of all clips, also of each class.

    A clip is one sample of the data set, but has a prediction for each frame. mmengine keeps as
    many results as the data set has samples, so the areas of the frames of a clip are added up.

    Args:
        skip: Number of first frames of a clip that do not count: there a model has not seen a
            motion yet.
        **kwargs: Arguments of mmseg's ``IoUMetric``.
    """

    each_frame = True

    def __init__(self, *args: Any, skip: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.skip = skip

    def process(self, data_batch: dict[str, Any], data_samples: Sequence[dict]) -> None:
        """Add a result for each clip of a batch.

        Args:
            data_batch: The batch as loaded, with a data sample for each clip.
            data_samples: The predictions, T for each clip, those of a clip behind each other.
        """
        clips = len(data_batch['data_samples'])
        frames = len(data_samples) // clips
        for start in range(0, clips * frames, frames):
            before = len(self.results)
            super().process(data_batch, data_samples[start : start + frames][self.skip :])
            areas = self.results[before:]
            if areas:
                summed = tuple(torch.stack(one).sum(0) for one in zip(*areas, strict=True))
                self.results[before:] = [summed]
