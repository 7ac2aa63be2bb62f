"""tools/demo.py, with a tiny config in place of the shipped one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tool_configs import load_tool

from spikedense.commands.demo import CONFIG
from spikedense.utils.config_path import resolve_config


@pytest.fixture(scope='module')
def demo_tool(repo_root: Path) -> Callable:
    return load_tool(repo_root / 'tools' / 'demo.py').main


def test_its_config_is_shipped() -> None:
    assert resolve_config(CONFIG).is_file()


def test_trains_tests_and_draws(
    demo_tool: Callable, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    work_dir = tmp_path / 'demo'
    demo_tool(['--config', str(config), '--work-dir', str(work_dir)])
    said = capsys.readouterr().out
    assert (work_dir / 'iter_4.pth').is_file()
    assert len(list((work_dir / 'overlays').glob('val_*.png'))) == 6
    assert (work_dir / 'panels.png').is_file()
    assert f'all pictures (image, truth, prediction): {work_dir / "overlays"}' in said
    assert 'mIoU ' in said.splitlines()[-3]
