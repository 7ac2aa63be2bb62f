"""Fixtures of the tests of the inferencers: models and images, made once."""

from pathlib import Path

import pytest
from inferencer_models import DETECTOR, SEGMENTER, Model, make_model

from spikedense import inference
from spikedense.inference.inferencer import Inferencer
from spikedense.inference.seg_inferencer import SegInferencer


def make(kind: str, repo_root: Path, folder: Path) -> Model:
    """Config and checkpoint of a small random model, ``seg`` or ``det``."""
    name = SEGMENTER if kind == 'seg' else DETECTOR
    return make_model(repo_root / 'configs' / name, folder, with_names=kind == 'det')


@pytest.fixture(scope='session')
def seg_model(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A segmenter whose checkpoint, as a converted one, names no classes."""
    return make('seg', repo_root, tmp_path_factory.mktemp('seg'))


@pytest.fixture(scope='session')
def det_model(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A panoptic segmenter."""
    return make('det', repo_root, tmp_path_factory.mktemp('det'))


@pytest.fixture(scope='session')
def segment(seg_model: Model) -> SegInferencer:
    """The inferencer of the segmenter."""
    return SegInferencer(*seg_model, device='cpu')


@pytest.fixture(scope='session')
def detect(det_model: Model) -> Inferencer:
    """The inferencer of the panoptic segmenter."""
    return inference.DetInferencer(*det_model, device='cpu')


@pytest.fixture(scope='session')
def images(seg_model: Model) -> Path:
    """The folder of images that both are tested on."""
    return Path(seg_model[0].test_dataloader.dataset.data_root, 'images', 'val')
