"""Predictions with an exported folder alone, against those of the inferencer of the config.

The inferencer of the config runs the same graphs, because in float32 another order of additions may
flip a spike. tests/deploy/test_onnx.py compares the graphs with their models, spike by spike.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from inferencer_models import SEGMENTER, SIZE, make_model
from torch import Tensor

from spikedense.deploy.onnx_export import export_onnx
from spikedense.deploy.onnx_runtime import OnnxNetwork, run_by_onnx
from spikedense.errors import UserError
from spikedense.inference import open_inferencer, open_onnx_inferencer
from spikedense.inference.inferencer import Inferencer
from spikedense.inference.inputs import InputImage
from spikedense.inference.model import describe

CONFIGS = {
    'segmentor': SEGMENTER,
    'semantic mask classifier': 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py',
    'panoptic': 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-panoptic-128x128.py',
    'one-stage': 'retinanet/retinanet_sdtv3-demo_1xb4-600i_demo-instance-128x128.py',
}


@pytest.fixture(scope='session')
def exported(
    repo_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Inferencer, Path, Path]]:
    """Inferencer of a config that runs the graphs, the folder of the export, and images."""
    made: dict[str, tuple[Inferencer, Path, Path]] = {}

    def export(kind: str) -> tuple[Inferencer, Path, Path]:
        if kind not in made:
            folder = tmp_path_factory.mktemp('export')
            cfg, weights = make_model(repo_root / 'configs' / CONFIGS[kind], folder, False)
            if kind == 'one-stage':
                cfg.model.test_cfg.score_thr = 0.0
            plain = open_inferencer(cfg, weights, 'cpu')
            describe(cfg, plain.model, weights)
            # RetinaNet's test pipeline enlarges the images to 85 x 128, and mmdet pads them.
            size = (96, 128) if kind == 'one-stage' else SIZE
            export_onnx(plain.model, folder / 'graphs', size)
            plain.model = run_by_onnx(plain.model, OnnxNetwork(folder / 'graphs'))
            plain.model.cfg = cfg
            images = Path(cfg.test_dataloader.dataset.data_root, 'images', 'val')
            made[kind] = plain, folder / 'graphs', images
        return made[kind]

    return export


def written(folder: Path, library: str) -> dict[str, Any]:
    """The files that an inferencer wrote; without mmdet's pictures, which have random colours."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob('*.*')):
        if path.suffix == '.json':
            found[path.name] = json.loads(path.read_text())
        elif library == 'mmseg':
            found[f'{path.parent.name}/{path.name}'] = cv2.imread(str(path), -1).tolist()
    return found


def logits(inferencer: Any, image: Path) -> Tensor:
    """The logits of an image."""
    data = inferencer._read(InputImage('image', str(image)))
    (sample,) = inferencer.forward(inferencer.collate_fn([data]))
    return sample.seg_logits.data


@pytest.mark.parametrize('kind', CONFIGS)
def test_the_folder_alone_predicts_the_same(kind: str, exported: Callable, tmp_path: Path) -> None:
    plain, folder, images = exported(kind)
    alone = open_onnx_inferencer(folder)
    assert alone.classes == plain.classes
    options = {} if plain.library == 'mmseg' else {'score_thr': 0.0}
    for name, inferencer in (('plain', plain), ('alone', alone)):
        list(inferencer.predict(str(images), out_dir=tmp_path / name, **options))
    expected, found = (written(tmp_path / name, plain.library) for name in ('plain', 'alone'))
    assert len(expected) >= 6
    assert found == expected
    if plain.library == 'mmseg':
        image = images / 'val_00000.jpg'
        assert torch.equal(logits(alone, image), logits(plain, image))
        assert logits(plain, image).std() > 0
    else:
        key = 'segments' if kind == 'panoptic' else 'instances'
        assert any(content[key] for content in found.values())


def test_the_manifest_tells_how_to_use_the_graphs(exported: Callable) -> None:
    plain, folder, _ = exported('segmentor')
    manifest = json.loads((folder / 'manifest.json').read_text())
    cfg = plain.cfg.model.data_preprocessor
    assert manifest['images'] == {
        'channel_order': 'RGB',
        'color_type': 'color',
        'mean': pytest.approx(cfg.mean),
        'std': pytest.approx(cfg.std),
        'resize': False,
    }
    assert manifest['classes'] == plain.classes
    assert [tuple(colour) for colour in manifest['palette']] == plain.model.dataset_meta['palette']
    logits = manifest['graphs']['model']['outputs']['logits']
    assert manifest['logits']['stride'] == SIZE[0] / logits[2]


def test_an_image_of_another_size_is_fitted_and_padded(exported: Callable) -> None:
    _, folder, _ = exported('segmentor')
    alone = open_onnx_inferencer(folder)
    image = np.random.default_rng(0).integers(0, 255, (150, 100, 3), np.uint8)
    large, small = alone([image, image[:40, :50]])
    assert large.labels.shape == (150, 100)
    assert small.labels.shape == (40, 50)


def test_refuses_a_folder_that_is_no_export_for_this(exported: Callable, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'has no manifest\.json'):
        open_onnx_inferencer(tmp_path)
    _, folder, _ = exported('segmentor')
    manifest = json.loads((folder / 'manifest.json').read_text())
    del manifest['classes']
    for path in folder.glob('*.onnx'):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
    with pytest.raises(UserError, match='has no classes'):
        open_onnx_inferencer(tmp_path)
    manifest.update(classes=['a'], kind='two-stage')
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
    with pytest.raises(UserError, match='expected a segmentor'):
        open_onnx_inferencer(tmp_path)
