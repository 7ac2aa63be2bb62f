"""The IoU metric of mmseg, which also returns the IoU of each class."""

import torch
from mmseg.evaluation import IoUMetric

from spikedense.registry import METRICS

#: Prefix of the keys of classes.
CLASS_PREFIX = 'IoU.'


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """IoU metric that returns the IoU of each class too; mmseg's ``IoUMetric`` only logs it.

    The arguments are those of mmseg's metric. The additional keys are ``IoU.NAME``, in percent. The
    IoU of a class that occurs neither in the labels nor in the predictions is NaN.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Add the IoU of each class to the metrics.

        Args:
            results: Areas of intersection, union, prediction and label of each image.

        Returns:
            The metrics.
        """
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        intersect, union = (torch.stack([areas[i] for areas in results]).sum(0) for i in (0, 1))
        shares = (100 * intersect / union).tolist()  # [classes]
        names = self.dataset_meta['classes']
        return {
            **metrics,
            **{f'{CLASS_PREFIX}{n}': share for n, share in zip(names, shares, strict=True)},
        }
