"""The inferencers: wrong images, options, configs and weights; each is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from inferencer_models import SEGMENTER, Model
from mmengine.config import Config
from PIL import Image
from torch import nn

from spikedense import inference
from spikedense.datasets.demo_scenes import CLASSES
from spikedense.errors import UserError
from spikedense.inference import open_inferencer
from spikedense.inference.config import dataset_meta, read_config
from spikedense.inference.seg_inferencer import SegInferencer


@pytest.mark.parametrize(
    ('inputs', 'said'),
    [
        ('{}/nothing.png', "no file or folder '.*nothing.png'"),
        ('{}/empty', "folder '.*empty' has no image"),
        ('{}/*.gif', r"no image matches '.*\*.gif'"),
        ('{}/garbage.png', "'.*garbage.png' is no image"),
        (['{}/good.png', '{}/garbage.png'], "'.*garbage.png' is no image"),
        ('{}/cut.png', "cannot prepare '.*cut.png'"),
        ([], 'there is no input'),
        (3, 'an input is a int'),
        (np.zeros((4, 4), np.uint8), r'shape \(4, 4\) and type uint8'),
        (np.zeros((4, 4, 3), np.float32), 'type float32'),
    ],
)
def test_wrong_input(segment: SegInferencer, tmp_path: Path, inputs: object, said: str) -> None:
    Image.new('RGB', (32, 32)).save(tmp_path / 'good.png')
    (tmp_path / 'cut.png').write_bytes((tmp_path / 'good.png').read_bytes()[:30])
    (tmp_path / 'garbage.png').write_text('no image')
    (tmp_path / 'empty').mkdir()
    if isinstance(inputs, str):
        inputs = inputs.format(tmp_path)
    if isinstance(inputs, list):
        inputs = [one.format(tmp_path) for one in inputs]
    with pytest.raises(UserError, match=said):
        segment(inputs, out_dir=tmp_path / 'out', progress=False)
    assert not (tmp_path / 'out').exists()


def test_bad_files_are_left_out(
    segment: SegInferencer, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in ('a', 'c', 'one'):
        size = (1, 1) if name == 'one' else (32, 32)
        Image.new('RGB', size).save(tmp_path / f'{name}.png')
    (tmp_path / 'b.png').write_bytes((tmp_path / 'a.png').read_bytes()[:30])
    (tmp_path / 'd.png').write_text('no image')
    out = tmp_path / 'out'
    found = segment.predict(tmp_path, out_dir=out, batch_size=2, progress=False, skip_bad=True)
    assert [prediction.name for prediction in found] == ['a', 'c', 'one']
    # One pixel has a picture, too.
    assert {path.stem for path in (out / 'overlays').iterdir()} == {'a', 'c', 'one'}
    said = [line for line in capsys.readouterr().err.splitlines() if 'left out' in line]
    assert len(said) == 2 and 'd.png' in said[0] and 'b.png' in said[1]
    assert len(segment.left_out) == 2
    with pytest.raises(UserError, match='none of the 1 input files can be read as an image'):
        segment.predict(tmp_path / 'd.png', out_dir=out, progress=False, skip_bad=True)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'batch_size': 0}, 'batch_size=0'),
        ({'opacity': 2}, 'opacity=2, expected a number from 0 to 1'),
        ({'score_thr': 0.5}, "SegInferencer takes no 'score_thr'; known: opacity"),
        ({'out_dir': __file__}, 'is a file, expected a folder'),
    ],
)
def test_wrong_option(segment: SegInferencer, images: Path, options: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        segment(images, **options)


# Config, weights, device


def test_opens_by_the_scope(seg_model: Model, det_model: Model) -> None:
    assert type(open_inferencer(*seg_model, device='cpu')) is SegInferencer
    with pytest.raises(
        UserError, match=r'is a config of mmdet, SegInferencer takes those of mmseg'
    ):
        SegInferencer(*det_model)
    with pytest.raises(UserError, match='inferencers for mmseg and mmdet'):
        open_inferencer(seg_model[0], seg_model[1], cfg_options={'default_scope': 'mmpretrain'})


def _deeper(state: dict) -> dict:
    return {**state, 'neck.more.weight': torch.zeros(1)}


def _without_head(state: dict) -> dict:
    return {key: value for key, value in state.items() if not key.startswith('decode_head')}


@pytest.mark.parametrize(
    ('edit', 'said'),
    [
        (_without_head, r'does not fit the model, weights missing: .*decode_head\.'),
        (_deeper, r'keys unknown to the model: 1 \(neck.more.weight\)'),
        (lambda state: {'x': torch.zeros(1)}, 'its keys are x'),
        (
            lambda state: {**state, 'backbone.downsample1_1.encode_conv.weight': torch.zeros(1)},
            r'official keys \(Spike-driven Transformer\) and \d+ keys that no rule knows',
        ),
    ],
)
def test_weights_of_another_model(
    seg_model: Model, tmp_path: Path, edit: Callable[[dict], dict], said: str
) -> None:
    state = torch.load(seg_model[1], weights_only=True)['state_dict']
    torch.save({'state_dict': edit(state)}, tmp_path / 'other.pth')
    with pytest.raises(UserError, match=said):
        SegInferencer(seg_model[0], tmp_path / 'other.pth')


def test_weights_that_are_none(seg_model: Model) -> None:
    with pytest.raises(UserError, match='there is no checkpoint'):
        SegInferencer(seg_model[0], 'nothing.pth')
    with pytest.raises(UserError, match='cannot read the checkpoint'):
        SegInferencer(seg_model[0], __file__)


@pytest.mark.parametrize('device', ['cuda:99', 'gpu'])
def test_wrong_device(seg_model: Model, device: str) -> None:
    with pytest.raises(UserError, match=f"device '{device}' cannot be used, expected cpu"):
        SegInferencer(*seg_model, device=device)


def test_pipeline_without_an_image(seg_model: Model) -> None:
    cfg = Config(seg_model[0].to_dict())
    cfg.test_dataloader.dataset.pipeline = [dict(type='PackSegInputs')]
    with pytest.raises(UserError, match='the test pipeline is PackSegInputs; expected a LoadImage'):
        SegInferencer(cfg, seg_model[1])


def test_test_set_in_wrappers(seg_model: Model) -> None:
    cfg = Config(seg_model[0].to_dict())
    inner = cfg.test_dataloader.dataset
    parts = [dict(type='RepeatDataset', times=1, dataset=inner), inner]
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=parts)
    read = read_config(cfg)
    assert read.test_dataloader.dataset == read_config(seg_model[0]).test_dataloader.dataset
    assert dataset_meta(read, {}, nn.Identity())['classes'] == CLASSES
    cfg.test_dataloader.dataset.datasets = []
    with pytest.raises(UserError, match='the test pipeline is empty'):
        read_config(cfg)


def test_config_without_a_test_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'^the config has no model or no test_dataloader'):
        read_config(Config(dict(model=dict())))
    (tmp_path / 'bare.py').write_text('model = dict()')
    with pytest.raises(UserError, match=r"^'.*bare\.py' has no model or no test_dataloader"):
        read_config(Config.fromfile(tmp_path / 'bare.py'))


@pytest.mark.parametrize('number', [8, 10])
@pytest.mark.parametrize('kind', ['seg_model', 'det_model'])
def test_names_of_other_classes(
    kind: str, number: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    cfg, weights = request.getfixturevalue(kind)
    state = torch.load(weights, weights_only=True)['state_dict']
    names = [f'class {index}' for index in range(number)]
    torch.save({'state_dict': state, 'meta': {'dataset_meta': {'classes': names}}}, tmp_path / 'x')
    head = 'decode_head' if kind == 'seg_model' else 'panoptic_head'
    said = f'model.{head} has 9 classes, but the checkpoint names {number}: class 0, class 1, '
    with pytest.raises(UserError, match=said):
        open_inferencer(cfg, tmp_path / 'x', device='cpu')


def test_test_set_of_other_classes(seg_model: Model) -> None:
    options = {'test_dataloader.dataset.metainfo': dict(classes=('sky', 'water'))}
    with pytest.raises(
        UserError, match='has 9 classes, but the test set of the config names 2: sky, water'
    ):
        SegInferencer(*seg_model, device='cpu', cfg_options=options)


def test_config_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no checkpoint'):
        SegInferencer(Path(SEGMENTER).stem, tmp_path / 'nothing.pth')
    with pytest.raises(UserError, match='There is no config'):
        open_inferencer('nothing', tmp_path / 'nothing.pth')


def test_unknown_inferencer() -> None:
    with pytest.raises(AttributeError, match='no attribute'):
        _ = inference.nothing
