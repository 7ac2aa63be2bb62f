"""The command lines of deployment: exports, and the comparison with the spike-driven twin."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import nir
import numpy as np
import pytest
import torch
from mmengine.config import Config
from tool_configs import load_tool

from spikedense.commands import spike_inference
from spikedense.deploy.onnx_runtime import OnnxNetwork

SHAPE = ['--shape', '64', '64']


@pytest.fixture(scope='session')
def tool(repo_root: Path) -> Callable[[str], Callable]:
    """`main` of a tool, by its name."""
    return lambda name: load_tool(repo_root / 'tools' / 'deployment' / f'{name}.py').main


@pytest.fixture
def lif_config(config: Path, tmp_path: Path) -> Path:
    """The tiny segmenter with LIF in its backbone."""
    cfg = Config.fromfile(config)
    cfg.model.backbone.update(type='spikedense.SDTV2', T=2)
    cfg.model.backbone.neuron_cfg = dict(type='spikedense.LIF')
    for key in ('value_ratio', 'layer_scale'):
        cfg.model.backbone.pop(key, None)
    path = tmp_path / 'lif.py'
    cfg.dump(path)
    return path


def refusal(main: Callable, words: list[Any], capsys: pytest.CaptureFixture) -> str:
    """The only line of an error, of a tool that exits with code 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert not any('Traceback' in line for line in lines)
    (error,) = [line for line in lines if line.startswith('error: ')]
    return error


def test_export_onnx(
    tool: Callable,
    trained: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / 'graphs'
    files = tool('export_onnx')([*trained, '--out', str(out), *SHAPE])
    printed = capsys.readouterr().out
    assert all(str(file) in printed and file.exists() for file in files)
    (logits,) = OnnxNetwork(out)(torch.rand(1, 3, 64, 64))
    assert logits.shape == (1, 9, 32, 32)
    assert logits.std() > 0
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    message = refusal(tool('export_onnx'), [*trained, '--out', out, *SHAPE], capsys)
    assert 'expected a folder that is new or empty' in message


def test_export_nir(
    tool: Callable, lif_config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'model.nir'
    report = tool('export_nir')([str(lif_config), '--out', str(out), '--shape', '32', '32'])
    assert {'stage_0', 'stage_1', 'stage_2'} <= nir.read(out).nodes.keys()
    printed = capsys.readouterr().out
    for words in (
        '15 convolutions',
        '14 neuron layers',
        'output stage_2: 16 x 4 x 4',
        'dt = 0.0001',
    ):
        assert words in printed
    assert all(name in printed and reason in printed for name, reason in report.left_out)


def test_to_spike_inference(
    trained: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The order of additions differs, so that in float32 a spike may flip.
    open_model, images_of = spike_inference.open_model, spike_inference.images_of

    def opened(*args: Any) -> Any:
        cfg, model = open_model(*args)
        return cfg, model.double()

    def doubled(*args: Any) -> Any:
        batches, source = images_of(*args)
        return [images.double() for images in batches], source

    monkeypatch.setattr(spike_inference, 'open_model', opened)
    monkeypatch.setattr(spike_inference, 'images_of', doubled)
    image, saved = tmp_path / 'image.png', tmp_path / 'twin.pth'
    cv2.imwrite(str(image), np.random.default_rng(0).integers(255, size=(80, 60, 3)))
    words = [*trained, *SHAPE, '--image', str(image), '--save', str(saved)]
    result = spike_inference.main(words)
    assert result['max_difference'] < 1e-9
    printed = capsys.readouterr().out
    assert 'upsample_bilinear2d' in printed
    assert 'largest difference' in printed
    assert 'image.png' in printed
    state = torch.load(saved)['state_dict']
    assert any(key.endswith('synapses.weight') for key in state)


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('export_onnx', ['--out', 'out', *SHAPE]),
        ('export_nir', ['--out', 'out.nir', *SHAPE]),
        ('to_spike_inference', SHAPE),
    ],
)
def test_wrong_input_is_one_sentence(
    tool: Callable,
    config: Path,
    name: str,
    options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    before = set(tmp_path.rglob('*'))
    main = tool(name)
    assert "no config 'nothing.py'" in refusal(main, ['nothing.py', *options], capsys)
    assert "no checkpoint 'no.pth'" in refusal(main, [config, 'no.pth', *options], capsys)
    words = [config, *options, '--cfg-options', 'model.backbone.T=0']
    assert 'T=0' in refusal(main, words, capsys)
    assert set(tmp_path.rglob('*')) == before


def test_models_that_cannot_be_exported(
    tool: Callable,
    config: Path,
    lif_config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    before = set(tmp_path.rglob('*'))
    message = refusal(tool('export_onnx'), [lif_config, '--out', 'out', *SHAPE], capsys)
    assert 'T=2: ONNX export is for models of one time step (T=1)' in message
    message = refusal(tool('export_nir'), [config, '--out', 'out.nir', *SHAPE], capsys)
    assert 'is a NILIF with D=4: NIR has no neuron that emits integers' in message
    relu = 'model.backbone.neuron_cfg.type=spikedense.ReLU'
    words = [config, *SHAPE, '--save', 'gone/twin.pth', '--cfg-options', relu]
    assert 'a folder that exists' in refusal(tool('to_spike_inference'), words, capsys)
    assert set(tmp_path.rglob('*')) == before


def test_a_saved_twin_is_tested_and_infers(
    repo_root: Path,
    trained: tuple[str, str],
    tool: Callable,
    test_tool: Callable,
    demo_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, checkpoint = trained
    saved, maps, out = tmp_path / 'twin.pth', tmp_path / 'maps', tmp_path / 'out'
    tool('to_spike_inference')([*trained, *SHAPE, '--save', str(saved)])
    run = ['--work-dir', str(tmp_path / 'run')]
    expected = test_tool([config, checkpoint, *run, '--spike-inference'])
    found = test_tool([config, str(saved), *run, '--out', str(maps)])
    assert found == expected
    infer = load_tool(repo_root / 'tools' / 'infer.py').main
    image = demo_root / 'images' / 'val' / 'val_00000.jpg'
    infer([config, str(saved), str(image), '--out-dir', str(out), '--device', 'cpu'])
    labels = [cv2.imread(str(x / 'val_00000.png'), -1) for x in (maps, out / 'labels')]
    assert (labels[0] == labels[1]).all()
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    words = [config, saved, *run, '--spike-inference']
    assert 'a spike-driven twin already' in refusal(test_tool, words, capsys)
    train = load_tool(repo_root / 'tools' / 'train.py').main
    words = [config, *run, '--resume', saved]
    assert 'cannot be trained' in refusal(train, words, capsys)
