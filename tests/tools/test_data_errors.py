"""Data that does not fit ends a tool before the first iteration, and leaves nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

CLASSES = ('sky', 'ground', 'water')


@pytest.fixture
def own_data(config: Path, tmp_path: Path) -> Config:
    """The tiny segmenter on three classes, in four files of one's own."""
    (tmp_path / 'img').mkdir()
    (tmp_path / 'ann').mkdir()
    for i in range(4):
        Image.new('RGB', (64, 64)).save(tmp_path / f'img/{i}.jpg')
        stripes = np.resize(np.arange(3, dtype=np.uint8), 64)
        Image.fromarray(np.tile(stripes, (64, 1))).save(tmp_path / f'ann/{i}.png')
    cfg = Config.fromfile(config)
    steps = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        dict(type='PackSegInputs'),
    ]
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].dataset = dict(
            type='BaseSegDataset',
            data_root=str(tmp_path),
            data_prefix=dict(img_path='img', seg_map_path='ann'),
            metainfo=dict(classes=CLASSES),
            pipeline=steps,
        )
    cfg.model.decode_head.num_classes = 3
    return cfg


@pytest.fixture
def refused(
    own_data: Config,
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable:
    """Calls a tool on the config and returns its only sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)

    def call(tool: Callable, *arguments: str) -> str:
        own_data.dump(config)
        before = set(tmp_path.rglob('*'))
        with pytest.raises(SystemExit) as stop:
            tool([str(config), *arguments, '--work-dir', 'run'])
        assert stop.value.code == 2
        (error,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith('error: ')]
        assert set(tmp_path.rglob('*')) == before
        return error

    return call


def test_label_that_is_no_class(
    refused: Callable, train_tool: Callable, own_data: Config, tmp_path: Path
) -> None:
    Image.new('L', (64, 64), 3).save(tmp_path / 'ann/3.png')
    message = refused(train_tool)
    assert "ann/3.png' holds the label 3, expected 0 to 2" in message
    assert '255 (model.decode_head.ignore_index)' in message


def test_label_of_validation(
    refused: Callable, train_tool: Callable, own_data: Config, tmp_path: Path
) -> None:
    Image.new('L', (64, 64), 7).save(tmp_path / 'ann/3.png')
    own_data.train_dataloader.dataset.indices = 3
    message = refused(train_tool)
    assert 'the label 7' in message and '255 (val_evaluator.ignore_index)' in message


def test_classes_as_a_string(refused: Callable, train_tool: Callable, own_data: Config) -> None:
    own_data.val_dataloader.dataset.metainfo.classes = 'sky'
    assert "metainfo.classes='sky' is a string" in refused(train_tool)


def test_order_of_classes(refused: Callable, train_tool: Callable, own_data: Config) -> None:
    own_data.val_dataloader.dataset.metainfo.classes = CLASSES[::-1]
    assert "class 0 is 'sky' in" in refused(train_tool)


def test_epoch_without_an_iteration(
    refused: Callable, train_tool: Callable, own_data: Config
) -> None:
    own_data.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
    own_data.param_scheduler = [dict(type='PolyLR', by_epoch=True, convert_to_iter_based=True)]
    own_data.train_dataloader.update(
        batch_size=8, drop_last=True, sampler=dict(type='DefaultSampler', shuffle=True)
    )
    assert 'has 4 images: batch_size=8 with drop_last=True' in refused(train_tool)


def test_test_set_without_labels(
    refused: Callable,
    test_tool: Callable,
    own_data: Config,
    trained: tuple[str, str],
    config: Path,
    tmp_path: Path,
    repo_root: Path,
    demo_root: Path,
) -> None:
    blind = own_data.test_dataloader.dataset
    blind.data_prefix.pop('seg_map_path')
    own_data.model.decode_head.num_classes = 9
    for arguments in (['--out', 'maps'], ['--out', 'maps', '--tta'], []):
        message = refused(test_tool, trained[1], *arguments)
        assert 'test_evaluator compares predictions with labels' in message
        assert 'test_evaluator.format_only=True' in message
    formats = ['--cfg-options', 'test_evaluator.format_only=True']
    assert 'writes nothing' in refused(test_tool, trained[1], *formats)
    for number, arguments in enumerate((['--tta'], [])):
        out = tmp_path / f'maps{number}'
        test_tool(
            [str(config), trained[1], '--work-dir', str(tmp_path / f'run{number}')]
            + ['--out', str(out), *formats, *arguments]
        )
        assert len(list(out.glob('*.png'))) == 4
    pickle = tmp_path / 'all.pkl'
    test_tool(
        [str(config), trained[1], '--work-dir', str(tmp_path / 'x'), '--out', str(pickle), *formats]
    )
    assert pickle.is_file()
