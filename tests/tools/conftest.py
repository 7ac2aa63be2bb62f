"""Fixtures of the tests of the command lines."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tool_configs import IMAGES, demo_config, load_tool

from spikedense.datasets.demo_generator import ensure_demo


@pytest.fixture(scope='session')
def train_tool(repo_root: Path) -> Callable:
    """`main` of tools/train.py."""
    return load_tool(repo_root / 'tools' / 'train.py').main


@pytest.fixture(scope='session')
def test_tool(repo_root: Path) -> Callable:
    """`main` of tools/test.py."""
    return load_tool(repo_root / 'tools' / 'test.py').main


@pytest.fixture(scope='session')
def demo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny demo set."""
    root = tmp_path_factory.mktemp('data') / 'demo'
    ensure_demo(root, **IMAGES)
    return root


@pytest.fixture
def config(repo_root: Path, demo_root: Path, tmp_path: Path) -> Path:
    """A tiny spiking segmenter on the tiny demo set, for four iterations.

    The file name differs from test to test: mmengine keeps loggers by name and second.
    """
    path = tmp_path / f'{tmp_path.name}.py'
    demo_config(repo_root, demo_root).dump(path)
    return path


@pytest.fixture(scope='session')
def trained(
    repo_root: Path,
    demo_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
    train_tool: Callable,
) -> tuple[str, str]:
    """Config and checkpoint of a run that is over."""
    folder = tmp_path_factory.mktemp('trained')
    path = folder / 'trained_model.py'
    demo_config(repo_root, demo_root).dump(path)
    # Long enough for a network that does not call every pixel the same.
    options = ['train_cfg.max_iters=40', 'train_cfg.val_interval=40']
    options += ['optim_wrapper.optimizer.lr=5e-3', 'default_hooks.checkpoint.interval=40']
    work_dir = folder / 'run'
    train_tool([str(path), '--work-dir', str(work_dir), '--seed', '0', '--cfg-options', *options])
    return str(path), str(work_dir / 'iter_40.pth')


@pytest.fixture
def refused(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable:
    """Calls a tool, expects it to refuse, and returns its sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)

    def call(tool: Callable, *arguments: object) -> str:
        before = {path for path in tmp_path.rglob('*')}
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            tool([str(argument) for argument in arguments])
        assert stop.value.code == 2
        lines = capsys.readouterr().err.splitlines()
        errors = [line for line in lines if line.startswith('error: ')]
        assert len(errors) == 1
        assert not any('Traceback' in line for line in lines)
        assert {path for path in tmp_path.rglob('*')} == before
        return errors[0]

    return call
