"""Memory of long work: five times the work needs no more of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow
#: Between the peaks of two processes. A tensor of the smallest size that stays with each image
#: or iteration would add more than twice as much.
ALLOWED = 24  # MiB


def peak(repo_root: Path, folder: Path, tool: str, *words: str) -> float:
    """Run a command in a process of its own; return the peak of its memory in MiB."""
    command = [sys.executable, str(repo_root / 'tools' / tool), *words]
    environment = {**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'}
    with (folder / 'log').open('w') as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, (folder / 'log').read_text()[-2000:]
    return usage.ru_maxrss / 1024


def test_training(repo_root: Path, config: Path, tmp_path: Path) -> None:
    peaks = [
        peak(
            *(repo_root, tmp_path, 'train.py', str(config), '--work-dir', f'run_{iterations}'),
            *('--cfg-options', f'train_cfg.max_iters={iterations}', 'train_cfg.val_interval=1000'),
            'default_hooks.checkpoint.interval=50',
        )
        for iterations in (60, 300)
    ]
    assert peaks[1] - peaks[0] < ALLOWED


def test_inference(repo_root: Path, trained: tuple[str, str], tmp_path: Path) -> None:
    image = Image.effect_noise((96, 64), 60).convert('RGB')
    peaks = []
    for number in (60, 300):
        folder = tmp_path / f'images_{number}'
        folder.mkdir()
        for i in range(number):
            image.save(folder / f'{i}.png')
        peaks.append(
            peak(repo_root, tmp_path, 'infer.py', *trained, str(folder), '--out-dir', 'out')
        )
    assert peaks[1] - peaks[0] < ALLOWED


def test_report(repo_root: Path, trained: tuple[str, str], tmp_path: Path) -> None:
    image = Image.effect_noise((96, 64), 60).convert('RGB')
    for i in range(60):
        image.save(tmp_path / f'{i}.png')
    words = ('analysis_tools/report.py', *trained, '--data', str(tmp_path), '--examples', '2')
    peaks = [
        peak(repo_root, tmp_path, *words, '--out', f'{number}.html', '--num-images', str(number))
        for number in (12, 60)
    ]
    assert peaks[1] - peaks[0] < ALLOWED
