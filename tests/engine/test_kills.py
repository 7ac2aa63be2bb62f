"""Runs that are killed at any moment: a whole checkpoint remains, no finished save is lost."""

import os
import random
import signal
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from tiny_run import tiny_runner

from spikedense.apis.work_dir import find_checkpoint
from spikedense.checkpoint_files import flaw

_CRASH = 'crash.txt'


class _Reports(Hook):
    """Tells the other end of a pipe that the run has begun, and each save that has ended."""

    priority = 'LOWEST'

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def before_train(self, runner: Any) -> None:
        os.write(self.pipe, b'0\n')

    def after_train_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        os.write(self.pipe, f'{runner.iter + 1}\n'.encode())

    def after_val_epoch(self, runner: Any, *_: Any, **__: Any) -> None:
        os.write(self.pipe, f'-{runner.iter}\n'.encode())


def _start(work_dir: Path, checkpoint: dict, resume: str | None, iterations: int) -> tuple:
    """Fork a process that trains; return its number and its reports."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        # An error must not leave this function: two processes would go on with the tests.
        try:
            tiny_runner(
                work_dir,
                iterations,
                checkpoint,
                val_interval=2 if 'save_best' in checkpoint else None,
                custom_hooks=[_Reports(writer)],
                load_from=resume,
                resume=resume is not None,
            ).train()
        except BaseException:
            (work_dir / _CRASH).write_text(traceback.format_exc())
            os._exit(1)
        os._exit(0)
    os.close(writer)
    return child, os.fdopen(reader)


def _killed(child: int, reports: Any, crash: Path, wait: float, in_save: bool) -> tuple[int, int]:
    """Kill a run so long after its start; return its last finished save, and its last best one."""
    reports.readline()
    time.sleep(wait)
    end = time.monotonic() + 1
    while in_save and time.monotonic() < end:
        if any(name.startswith('.part-') for name in os.listdir(crash.parent)):
            break
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with reports:
        said = [int(word) for word in reports.read().split()]
    assert not crash.exists(), crash.read_text()
    return max([0, *said]), -min([0, *said])


def _number(name: str) -> int:
    return int(Path(name).stem.rpartition('_')[2])


def _kill_again_and_again(work_dir: Path, kills: int, keep: int, best: bool) -> None:
    checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=1, max_keep_ckpts=keep)
    if best:
        checkpoint.update(save_best='acc')
    moments, resume, unclean = random.Random(keep), None, 0
    saved = saved_best = 0
    for number in range(kills):
        child, reports = _start(work_dir, checkpoint, resume, 10**4)
        # Every second kill waits for a save.
        wait, in_save = moments.uniform(0, 0.03), number % 2 == 1
        now, now_best = _killed(child, reports, work_dir / _CRASH, wait, in_save)
        saved, saved_best = max(saved, now), max(saved_best, now_best)
        files = {path.name for path in work_dir.glob('*.pth')}
        numbered = {name for name in files if name.startswith('iter_')}
        # What the kill has left, and nothing that an earlier kill has left.
        parts = [path.name for path in work_dir.glob('.part-*')]
        assert len(parts) <= 1
        assert all(f'-{child}-' in name for name in parts)
        assert len(numbered) <= keep + 1
        unclean += bool(parts) or len(numbered) > keep
        if not saved:
            continue
        resume = find_checkpoint('auto', str(work_dir))
        assert flaw(resume) is None
        assert _number(resume) in (saved, saved + 1)
        # A run may have no time to report its last save.
        saved = _number(resume)
        if saved_best:
            assert max(_number(name) for name in files - numbered) >= saved_best
            reasons = {name: flaw(work_dir / name) for name in files - numbered}
            assert not any(reasons.values()), reasons
    # The kills have met saves, not only the time between them.
    assert unclean > kills / 20
    child, reports = _start(work_dir, checkpoint, resume, saved + 3)
    with reports:
        assert max(map(int, reports.read().split())) == saved + 3
    os.waitpid(child, 0)
    left = {path.name for path in work_dir.iterdir() if path.is_file()}
    pointer = Path((work_dir / 'last_checkpoint').read_text())
    assert pointer.name == f'iter_{saved + 3}.pth'
    assert not [name for name in left if name.startswith('.')]
    assert len([name for name in left if name.startswith('iter_')]) == keep
    assert len([name for name in left if name.startswith('best_')]) == best, left


_VARIANTS = pytest.mark.parametrize(
    ('keep', 'best'), [(1, False), (2, False), (1, True)], ids=['keep-1', 'keep-2', 'best']
)


@_VARIANTS
def test_kills(tmp_path: Path, keep: int, best: bool) -> None:
    _kill_again_and_again(tmp_path, 17, keep, best)


@pytest.mark.slow
@_VARIANTS
def test_many_kills(tmp_path: Path, keep: int, best: bool) -> None:
    _kill_again_and_again(tmp_path, 167, keep, best)
