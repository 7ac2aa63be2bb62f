"""Recall at k of retrieval by class."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.evaluation import RetrievalRecall
from mmpretrain.registry import DATASETS

from spikedense.errors import UserError
from spikedense.registry import METRICS


@METRICS.register_module()
class ClassRetrievalRecall(RetrievalRecall):
    """Recall at k on features: the share of queries with a match among the k nearest, in percent.

    mmpretrain's ``RetrievalRecall`` needs the numbers of all matching samples as the label of a
    query. Here a sample of the gallery matches if it has the class of the query, the protocol of
    video retrieval: the test clips are queries, the training clips are the gallery. The scores come
    from mmpretrain's ``ImageToImageRetriever``, with the same gallery as its ``prototype``.

    Args:
        gallery: Config of the data set of the gallery.
        topk: The numbers k.
        **kwargs: Other arguments of mmpretrain's ``RetrievalRecall``.
    """

    def __init__(
        self, gallery: dict[str, Any], topk: int | Sequence[int] = (1, 5, 10), **kwargs: Any
    ) -> None:
        super().__init__(topk=topk, **kwargs)
        self.gallery = gallery
        self._labels: torch.Tensor | None = None

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Compare the scores of a batch with the labels of the gallery.

        Args:
            data_batch: A batch of the data loader.
            data_samples: Predictions with ``pred_score``, the similarities to all samples of the
                gallery ``[N]``, and ``gt_label``, the class of the query.
        """
        if self._labels is None:
            dataset: Any = DATASETS.build({**self.gallery, 'pipeline': []})
            self._labels = torch.as_tensor(dataset.get_gt_labels())
            if max(self.topk) > len(self._labels):
                raise UserError(
                    f'ClassRetrievalRecall: topk={self.topk}, expected numbers up to '
                    f'{len(self._labels)}, the size of the gallery'
                )
        labels = self._labels
        matched = [
            {**sample, 'gt_score': (labels == sample['gt_label'].cpu()).to(sample['pred_score'])}
            for sample in data_samples
        ]
        super().process(data_batch, matched)
