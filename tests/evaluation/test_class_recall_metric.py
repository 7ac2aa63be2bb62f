"""Recall at k by class, with mmpretrain's retriever on a backbone of this package."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from spikedense.errors import UserError
from spikedense.evaluation import ClassRetrievalRecall

LABELS = (0, 1, 2, 1)


@pytest.fixture
def gallery(tmp_path: Path) -> dict[str, Any]:
    """A list of four videos."""
    path = tmp_path / 'list.txt'
    path.write_text(''.join(f'video{i} 5 {label}\n' for i, label in enumerate(LABELS)))
    return dict(type='spikedense.FrameListDataset', ann_file=str(path))


def test_a_query_matches_samples_of_its_class(gallery: dict[str, Any]) -> None:
    metric = ClassRetrievalRecall(gallery, topk=(1, 2, 4))
    scores = {0: [4, 3, 2, 1], 1: [4, 1, 3, 2], 2: [4, 3, 2, 1], 3: [1, 2, 3, 4]}
    for label, of_query in scores.items():
        sample = DataSample().set_gt_label(label).set_pred_score(torch.tensor(of_query).float())
        metric.process([], [sample.to_dict()])
    # The first match of the labels 0, 1 and 2 has rank 1, 3 and 3; the label 3 has none.
    found = metric.compute_metrics(metric.results)
    assert found == {'Recall@1': 25, 'Recall@2': 25, 'Recall@4': 75}


def test_a_gallery_smaller_than_k_is_told(gallery: dict[str, Any]) -> None:
    sample = DataSample().set_gt_label(0).set_pred_score(torch.rand(4))
    with pytest.raises(UserError, match=r'topk=\(5,\), expected numbers up to 4, the size of the'):
        ClassRetrievalRecall(gallery, topk=5).process([], [sample.to_dict()])


def test_features_of_a_backbone_are_compared(gallery: dict[str, Any]) -> None:
    init_default_scope('mmpretrain')
    prototypes = torch.rand(4, 8)
    model = MODELS.build(
        dict(
            type='ImageToImageRetriever',
            image_encoder=[
                dict(
                    type='spikedense.STSepResNet',
                    arch=dict(depths=(1,), base_channels=8),
                    out_time='mean',
                ),
                dict(type='GlobalAveragePooling'),
            ],
            prototype=prototypes,
        )
    ).eval()
    images = torch.randn(2, 3, 16, 16)
    samples = [DataSample().set_gt_label(1) for _ in images]
    with torch.no_grad():
        predictions = model(images, samples, mode='predict')
        (features,) = model.extract_feat(images)
    for prediction, feature in zip(predictions, features, strict=True):
        expected = F.cosine_similarity(feature[None], prototypes)
        torch.testing.assert_close(prediction.pred_score, expected)
    metric = ClassRetrievalRecall(gallery, topk=4)
    metric.process([], [prediction.to_dict() for prediction in predictions])
    assert metric.compute_metrics(metric.results) == {'Recall@4': 100}
