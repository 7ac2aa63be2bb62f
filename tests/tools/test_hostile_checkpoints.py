"""A checkpoint of a stranger runs nothing, by whichever command it is read."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hostile_files import payload, write_tar
from tool_configs import load_tool

from spikedense.checkpoint_files import TRUST_VARIABLE

#: Tool -> its arguments; `config`, `bad` (the checkpoint) and `image` are paths.
WAYS = {
    'test': ('test.py', '{config} {bad} --work-dir run'),
    'infer': ('infer.py', '{config} {bad} {image}'),
    'resume': ('train.py', '{config} --work-dir run --resume {bad}'),
    'load_from': ('train.py', '{config} --work-dir run --cfg-options load_from={bad}'),
    'init_cfg': (
        'train.py',
        '{config} --work-dir run --cfg-options model.backbone.init_cfg.type=Pretrained '
        'model.backbone.init_cfg.checkpoint={bad}',
    ),
    'energy': ('analysis_tools/get_energy.py', '{config} {bad}'),
    'distance': ('analysis_tools/attention_distance.py', '{config} {bad}'),
    'erf': ('analysis_tools/st_erf.py', '{config} {bad} --out out'),
    'report': ('analysis_tools/report.py', '{config} {bad}'),
    'spike inference': ('deployment/to_spike_inference.py', '{config} {bad}'),
    'onnx': ('deployment/export_onnx.py', '{config} {bad} --out out'),
    'nir': ('deployment/export_nir.py', '{config} {bad} --out out.nir'),
    'convert': ('model_converters/official_to_spikedense.py', '{bad} out.pth'),
    'verify': ('verify.py', '{config} {bad} --work-dir run --expect mIoU=1'),
    'publish': ('publish.py', '{bad} out.pth'),
}


@pytest.fixture(scope='module')
def image(demo_root: Path) -> Path:
    """An image of the demo set."""
    return next(demo_root.rglob('*.png'))


@pytest.mark.parametrize('way', list(WAYS))
def test_nothing_runs(
    repo_root: Path,
    config: Path,
    image: Path,
    trained: tuple[str, str],
    refused: Callable,
    tmp_path: Path,
    way: str,
) -> None:
    # All that the command needs is there, beside what would run.
    content = torch.load(trained[1], weights_only=True)
    bad, marker = tmp_path / 'bad.pth', tmp_path / 'ran'
    torch.save({**content, 'more': payload(marker)}, bad)
    tool, words = WAYS[way]
    arguments = words.format(config=config, bad=bad, image=image).split()
    said = refused(load_tool(repo_root / 'tools' / tool).main, *arguments)
    assert "bad.pth': it asks for 'io.open'" in said and TRUST_VARIABLE in said
    assert not marker.exists()


@pytest.mark.parametrize('kind', ['tar', 'flipped byte', 'half', 'empty'])
def test_other_files_are_refused(
    refused: Callable,
    test_tool: Callable,
    config: Path,
    trained: tuple[str, str],
    tmp_path: Path,
    kind: str,
) -> None:
    bad, whole = tmp_path / 'bad.pth', bytearray(Path(trained[1]).read_bytes())
    if kind == 'tar':
        write_tar(bad, payload(tmp_path / 'ran'))
    else:
        # The space between the tensors is not used, and has no checksum.
        state = torch.load(trained[1], weights_only=True)['state_dict']
        whole[whole.index(max(state.values(), key=torch.numel).numpy().tobytes()) + 5] ^= 1
        bad.write_bytes({'flipped byte': whole, 'half': whole[:30000], 'empty': b''}[kind])
    said = refused(test_tool, config, bad, '--work-dir', 'run')
    reason = {'tar': 'it asks for the tar format', 'flipped byte': 'it is damaged: the checksum'}
    assert reason.get(kind, 'it is incomplete') in said
    assert not (tmp_path / 'ran').exists()


def test_a_trusted_file_is_tested_with_one_warning(
    test_tool: Callable,
    config: Path,
    trained: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    content = torch.load(trained[1], weights_only=True)
    torch.save({**content, 'more': payload(tmp_path / 'ran')}, tmp_path / 'mine.pth')
    monkeypatch.setenv(TRUST_VARIABLE, '1')
    arguments = [str(config), str(tmp_path / 'mine.pth'), '--work-dir', str(tmp_path / 'run')]
    assert 'mIoU' in test_tool(arguments) and (tmp_path / 'ran').exists()
    lines = [line for line in capsys.readouterr().err.splitlines() if 'warning: ' in line]
    assert len(lines) == 1 and 'mine.pth' in lines[0]


def test_the_config_in_a_checkpoint_does_not_run(
    train_tool: Callable,
    config: Path,
    trained: tuple[str, str],
    tmp_path: Path,
) -> None:
    content = torch.load(trained[1], weights_only=True)
    content['meta']['config'] = f'import os\nos.mkdir({str(tmp_path / "ran")!r})\n'
    torch.save(content, tmp_path / 'iter_40.pth')
    options = ['--resume', str(tmp_path / 'iter_40.pth'), '--cfg-options', 'train_cfg.max_iters=41']
    train_tool([str(config), '--work-dir', str(tmp_path / 'run'), *options])
    assert (tmp_path / 'run' / 'last_checkpoint').is_file() and not (tmp_path / 'ran').exists()
