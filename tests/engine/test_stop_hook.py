"""A training that a signal ends."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import EMAHook, Hook
from stop_runs import tiny_runner
from torch import distributed

from spikedense.commands import report_errors
from spikedense.engine import stop_hook
from spikedense.errors import Interrupted

_FORK = multiprocessing.get_context('fork')


@pytest.fixture(autouse=True)
def _listens_to_ctrl_c() -> Iterator[None]:
    """A process that runs in the background of a shell ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _kill_in(
    mode: str, call: int, number: int, kill: Callable[[int, int], None] = os.kill
) -> Callable[[str, int], None]:
    """Send a signal in a forward pass."""

    def event(now: str, count: int) -> None:
        if (now, count) == (mode, call):
            kill(os.getpid(), number)

    return event


def _saved(path: str | Path | None) -> dict:
    return torch.load(str(path), weights_only=False)


def _pointer(work_dir: Path) -> str:
    return (work_dir / 'last_checkpoint').read_text()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_the_iteration_is_finished_and_saved(tmp_path: Path, number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=r'after 3 of 8 iterations: saved .*iter_3') as stop:
        tiny_runner(tmp_path, _kill_in('loss', 3, number)).train()
    assert stop.value.signal == number
    assert stop.value.checkpoint == _pointer(tmp_path) == str(tmp_path / 'iter_3.pth')
    assert _saved(stop.value.checkpoint)['meta']['iter'] == 3
    assert signal.getsignal(number) is before
    resumed = tiny_runner(tmp_path, load_from=stop.value.checkpoint, resume=True)
    resumed.train()
    assert resumed.iter == 8
    # The hook of the run keeps one checkpoint, and knows this one.
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_8.pth']


def test_a_validation_is_left_and_done_again(tmp_path: Path) -> None:
    hooks = [dict(type=EMAHook, momentum=0.5)]
    with pytest.raises(Interrupted, match='after 4 of 8 iterations') as stop:
        tiny_runner(tmp_path, _kill_in('predict', 2, signal.SIGTERM), custom_hooks=hooks).train()
    whole = tiny_runner(
        tmp_path / 'whole', custom_hooks=hooks, train_cfg=dict(max_iters=4, by_epoch=False)
    )
    whole.train()
    # The model and its average are those before the validation, not swapped.
    found, expected = _saved(stop.value.checkpoint), _saved(tmp_path / 'whole' / 'iter_4.pth')
    for part in ('state_dict', 'ema_state_dict'):
        assert all(torch.equal(found[part][key], expected[part][key]) for key in expected[part])
    resumed = tiny_runner(
        tmp_path, load_from=stop.value.checkpoint, resume=True, custom_hooks=hooks
    )
    resumed.train()
    assert resumed.model.calls == {'loss': 4, 'predict': 16}
    again = tiny_runner(
        tmp_path, load_from=str(tmp_path / 'iter_8.pth'), resume=True, custom_hooks=hooks
    )
    again.train()
    assert again.model.calls == {'loss': 0, 'predict': 0}


def test_a_validation_that_comes_next_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match='after 8 of 8') as stop:
        tiny_runner(tmp_path, _kill_in('loss', 8, signal.SIGTERM)).train()
    resumed = tiny_runner(tmp_path, load_from=stop.value.checkpoint, resume=True)
    resumed.train()
    assert resumed.model.calls == {'loss': 0, 'predict': 8}


def test_inside_of_an_epoch(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as stop:
        tiny_runner(tmp_path, _kill_in('loss', 11, signal.SIGTERM), by_epoch=True).train()
    assert stop.value.checkpoint == _pointer(tmp_path) == str(tmp_path / 'interrupted.pth')
    # The checkpoint of the last whole epoch stays.
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == [
        'epoch_1.pth',
        'interrupted.pth',
    ]
    meta = _saved(stop.value.checkpoint)['meta']
    assert (meta['epoch'], meta['iter']) == (1, 11)


def test_between_epochs(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as stop:
        tiny_runner(tmp_path, _kill_in('loss', 8, signal.SIGTERM), by_epoch=True).train()
    meta = _saved(stop.value.checkpoint)['meta']
    assert Path(stop.value.checkpoint).name == 'epoch_1.pth'
    assert (meta['epoch'], meta['iter']) == (1, 8)


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(mode: str, call: int) -> None:
        if (mode, call) == ('loss', 3):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError('the second signal did nothing')

    # The same press may come twice.
    with pytest.raises(AssertionError):
        tiny_runner(tmp_path, twice).train()
    monkeypatch.setattr(stop_hook, '_ONE_PRESS', 0)
    with pytest.raises(Interrupted) as stop:
        tiny_runner(tmp_path, twice).train()
    assert stop.value.checkpoint is None
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize('swallowed', [False, True])
def test_before_the_first_iteration_ends_at_once(tmp_path: Path, swallowed: bool) -> None:
    runner = tiny_runner(tmp_path)
    runner.register_hook(_Early(swallowed))
    with pytest.raises(Interrupted) as stop:
        runner.train()
    assert stop.value.checkpoint is None
    assert runner.model.calls['loss'] == 0


class _Early(Hook):
    def __init__(self, swallowed: bool) -> None:
        self.swallowed = swallowed

    def before_run(self, runner: Any) -> None:
        # Python does the same with an exception in a function that it calls after a fork.
        with suppress(Interrupted) if self.swallowed else nullcontext():
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_run_outside_of_the_main_thread(tmp_path: Path) -> None:
    runner = tiny_runner(tmp_path)
    thread = threading.Thread(target=runner.train)
    thread.start()
    thread.join()
    assert runner.iter == 8


def test_without_a_checkpoint_hook(tmp_path: Path) -> None:
    event = _kill_in('loss', 3, signal.SIGTERM)
    with pytest.raises(Interrupted, match='nothing was saved') as stop:
        tiny_runner(tmp_path, event, default_hooks=dict(checkpoint=None)).train()
    assert stop.value.checkpoint is None


def _kill_group(pid: int, number: int) -> None:
    """Send a signal to the group from another process: loaders obey the signals of the run."""
    sender = os.fork()
    if sender == 0:
        signal.signal(number, signal.SIG_IGN)
        os.killpg(0, number)
        os._exit(0)
    os.waitpid(sender, 0)


def _child(work_dir: Path, said: Path, number: int) -> None:
    os.setpgid(0, 0)
    torch.set_num_threads(1)
    sys.stderr = said.open('w')
    with report_errors():
        tiny_runner(work_dir, _kill_in('loss', 3, number, _kill_group), workers=2).train()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_the_group_spares_the_loader(tmp_path: Path, number: int) -> None:
    said = tmp_path / 'said.txt'
    child = _FORK.Process(target=_child, args=(tmp_path, said, number))
    child.start()
    child.join(60)
    assert child.exitcode == 128 + number
    assert _saved(_pointer(tmp_path))['meta']['iter'] == 3
    (line,) = said.read_text().split('\n')[1:-1]
    assert line.startswith('interrupted by') and 'iter_3.pth' in line


def _rank(rank: int, work_dir: Path, port: Path, mode: str, call: int) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', store=distributed.FileStore(str(port), 2), rank=rank, world_size=2
    )
    os.environ['LOCAL_RANK'] = str(rank)
    event = _kill_in(mode, call, signal.SIGTERM) if rank == 1 else None
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None)
    runner = tiny_runner(work_dir, event, cfg=dict(model_wrapper_cfg=wrapper), launcher='pytorch')
    with report_errors():
        runner.train()


@pytest.mark.parametrize(('mode', 'call', 'done'), [('loss', 3, 3), ('predict', 1, 4)])
def test_a_signal_to_one_of_two_processes(tmp_path: Path, mode: str, call: int, done: int) -> None:
    arguments = (tmp_path, tmp_path / 'store', mode, call)
    children = [
        _FORK.Process(target=_rank, args=(rank, *arguments), daemon=True) for rank in (0, 1)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [143, 143]
    assert _saved(_pointer(tmp_path))['meta']['iter'] == done
