"""tools/infer.py: predictions of a trained model, on the demo set; and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tool_configs import load_tool

VAL_IMAGES = [f'val_{index:05d}' for index in range(6)]


@pytest.fixture(scope='session')
def infer_tool(repo_root: Path) -> Callable:
    """`main` of tools/infer.py."""
    return load_tool(repo_root / 'tools' / 'infer.py').main


@pytest.fixture
def images(demo_root: Path) -> Path:
    return demo_root / 'images' / 'val'


def test_predicts_what_the_test_tool_predicts(
    trained: tuple[str, str],
    infer_tool: Callable,
    test_tool: Callable,
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    maps, out = tmp_path / 'maps', tmp_path / 'out'
    test_tool([*trained, '--work-dir', str(tmp_path / 'run'), '--out', str(maps)])
    capsys.readouterr()
    arguments = [*trained, str(images), '--out-dir', str(out), '--batch-size', '4']
    assert infer_tool([*arguments, '--device', 'cpu']) == 6
    said = capsys.readouterr()
    assert said.out.splitlines()[-3:] == [
        'images: 6',
        f'pictures: {out / "overlays"}',
        f'predictions: {out / "predictions"}',
    ]
    assert 'Inference' in said.err
    for name in VAL_IMAGES:
        content = json.loads((out / 'predictions' / f'{name}.json').read_text())
        labels = np.array(Image.open(out / content['label_map']))
        assert (labels == np.array(Image.open(maps / f'{name}.png'))).all()
        overlay = Image.open(out / 'overlays' / f'{name}.png')
        assert overlay.size == (content['width'], content['height'])


def test_writes_beside_the_run_by_default(
    trained: tuple[str, str],
    infer_tool: Callable,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [str(images / f'{name}.jpg') for name in VAL_IMAGES[:2]]
    assert infer_tool([*trained, *files, '--no-overlays']) == 2
    out = tmp_path / 'work_dirs' / 'trained_model' / 'inference'
    assert {path.name for path in out.iterdir()} == {'labels', 'predictions'}


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['nothing.png'], "no file or folder 'nothing.png'"),
        (['{images}', '--score-thr', '0.5'], "takes no 'score_thr'"),
        (['{images}', '--device', 'gpu'], "device 'gpu'"),
        (['{images}', '--cfg-options', 'model.decode_hed.x=1'], "did you mean 'decode_head'"),
        (['{images}', '--cfg-options', 'model.neck.out_channels=8'], 'but the neck gives [8, 8, 8'),
        (['{images}', '--cfg-options', 'model.decode_head.channels=8'], 'does not fit the model'),
    ],
)
def test_refuses(
    trained: tuple[str, str],
    infer_tool: Callable,
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    words = [word.format(images=images) for word in arguments]
    with pytest.raises(SystemExit) as stop:
        infer_tool([*trained, *words])
    assert stop.value.code == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1 and said in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_predicts_with_an_exported_folder_alone(
    repo_root: Path,
    trained: tuple[str, str],
    infer_tool: Callable,
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    folder, out = tmp_path / 'graphs', tmp_path / 'out'
    export = load_tool(repo_root / 'tools' / 'deployment' / 'export_onnx.py').main
    export([*trained, '--out', str(folder), '--shape', '64', '64'])
    assert infer_tool(['--onnx', str(folder), str(images), '--out-dir', str(out)]) == 6
    assert sorted(path.stem for path in (out / 'labels').iterdir()) == VAL_IMAGES
    assert len(list((out / 'overlays').iterdir())) == 6
    with pytest.raises(SystemExit) as stop:
        infer_tool(['--onnx', str(folder), str(images), '--device', 'cpu'])
    assert stop.value.code == 2
    assert 'it has no config' in capsys.readouterr().err
