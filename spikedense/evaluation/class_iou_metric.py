"""mmseg's IoU, told for each class too."""

import torch
from mmseg.evaluation import IoUMetric

from spikedense.registry import METRICS

#: What the keys of the classes begin with.
CLASS_PREFIX = 'IoU.'


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """:class:`mmseg.evaluation.IoUMetric`, which logs the IoU of each class but does not return it.

    It takes the same arguments. The keys that it adds are ``IoU.NAME``, in percent; the IoU of a
    class that is neither there nor predicted is NaN.
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
