"""Models of images with one or four channels, and models of one output map."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.models.segmentors import SegTTAModel
from mmseg.structures import SegDataSample
from reduced_models import build_model

from spikedense.deploy.onnx_export import export_onnx
from spikedense.errors import UserError
from spikedense.inference import SegInferencer, open_onnx_inferencer
from spikedense.inference.model import describe
from spikedense.utils.integer_labels import predict_integer_labels

SIZE = (32, 48)
COLOR_TYPES = {1: 'grayscale', 3: 'color', 4: 'unchanged'}


def opened(cfg: Config, folder: Path, channels: int = 3, binary: bool = False) -> Any:
    """Config and inferencer of a random model that is like the segmenter of a config."""
    cfg = Config(cfg.to_dict())
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == 'LoadImageFromFile':
            step.color_type = COLOR_TYPES[channels]
    if channels != 3:
        cfg.model.backbone.in_channels = channels
        cfg.model.data_preprocessor.update(mean=[127.0], std=[50.0], bgr_to_rgb=False)
    if binary:
        loss = dict(type='CrossEntropyLoss', use_sigmoid=True)
        cfg.model.decode_head.update(num_classes=2, out_channels=1, threshold=0.5, loss_decode=loss)
        cfg.test_dataloader.dataset.metainfo = dict(classes=('ground', 'thing'))
    torch.manual_seed(0)
    weights = folder / 'weights.pth'
    meta = dict(classes=('ground', 'thing'), palette=[[0, 0, 0], [9, 9, 9]]) if binary else {}
    content = dict(state_dict=build_model(cfg).state_dict(), meta=dict(dataset_meta=meta))
    torch.save(content, weights)
    return cfg, SegInferencer(cfg, weights, device='cpu')


def exported(cfg: Config, infer: Any, folder: Path) -> Any:
    """The inferencer of the export of the model of an inferencer."""
    describe(cfg, infer.model, str(infer.weights))
    export_onnx(infer.model, folder / 'onnx', SIZE)
    return open_onnx_inferencer(folder / 'onnx')


@pytest.mark.parametrize('channels', [1, 4])
def test_other_channels(seg_model: tuple, tmp_path: Path, channels: int) -> None:
    pytest.importorskip('onnxruntime')
    cfg, infer = opened(seg_model[0], tmp_path, channels)
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, channels), dtype=np.uint8)
    file = tmp_path / 'image.png'
    cv2.imwrite(str(file), pixels)
    from_file, from_array = infer([str(file), pixels], out_dir=tmp_path / 'out', progress=False)
    assert np.array_equal(from_file.labels, from_array.labels)
    assert cv2.imread(str(tmp_path / 'out' / 'overlays' / 'image.png')).shape == (*SIZE, 3)
    graph = exported(cfg, infer, tmp_path)
    for by_graph in graph([str(file), pixels], progress=False):
        assert np.array_equal(by_graph.labels, from_file.labels)
    said = rf'\(32, 48, 3\) .* expected an image of {channels} channel'
    for one in (infer, graph):
        with pytest.raises(UserError, match=said):
            one(np.zeros((*SIZE, 3), np.uint8), progress=False)


def test_one_output_map(seg_model: tuple, tmp_path: Path, images: Path) -> None:
    pytest.importorskip('onnxruntime')
    cfg, infer = opened(seg_model[0], tmp_path, binary=True)
    (file, *_) = sorted(images.iterdir())
    (found,) = infer(str(file), out_dir=tmp_path / 'out', progress=False)
    assert found.labels.dtype == np.uint8
    assert set(np.unique(found.labels)) <= {0, 1}
    assert sum(found.shares.values()) == pytest.approx(1)
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    (here,) = infer(pixels, progress=False)
    (by_graph,) = exported(cfg, infer, tmp_path)(pixels, progress=False)
    assert np.array_equal(by_graph.labels, here.labels)


def test_one_output_map_of_several_copies(seg_model: tuple, tmp_path: Path) -> None:
    model = opened(seg_model[0], tmp_path, binary=True)[1].model
    averaged = SegTTAModel(model)
    predict_integer_labels(averaged)
    sample = SegDataSample(metainfo=dict(ori_shape=SIZE, img_shape=SIZE, img_path='a.png'))
    image = torch.zeros(3, *SIZE, dtype=torch.uint8)
    batch = dict(inputs=[[image], [image]], data_samples=[[sample], [sample.clone()]])
    with torch.no_grad():
        (found,) = averaged.test_step(batch)
    assert found.pred_sem_seg.data.dtype == torch.int64
