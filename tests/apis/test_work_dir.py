"""What a work dir offers to resume from, and what a failed start leaves in it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from spikedense.apis.work_dir import (
    AUTO,
    NEWEST,
    existing_checkpoint,
    find_checkpoint,
    nothing_left_behind,
    whole_checkpoint,
)
from spikedense.errors import UserError

ITERATIONS = (2, 4, 10)


def _touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text('x')


def _empty(path: Path) -> None:
    path.write_bytes(b'')


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def _zeros(path: Path) -> None:
    # What a power cut leaves on some file systems.
    path.write_bytes(bytes(path.stat().st_size))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with three whole checkpoints, the pointer names the newest."""
    for iteration in ITERATIONS:
        torch.save({'state_dict': {'a': torch.zeros(999)}}, tmp_path / f'iter_{iteration}.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_10.pth'))
    return tmp_path


def test_the_pointer_names_the_checkpoint(run: Path) -> None:
    (run / 'last_checkpoint').write_text(str(run / 'iter_2.pth'))
    assert find_checkpoint(NEWEST, str(run)) == str(run / 'iter_2.pth')


def test_a_moved_work_dir_still_resumes(run: Path) -> None:
    (run / 'last_checkpoint').write_text('old/place/iter_2.pth')
    assert find_checkpoint(NEWEST, str(run)) == str(run / 'iter_2.pth')


def test_a_copy_of_a_work_dir_resumes_from_its_own_files(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / 'copy'
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns('copy'))
    assert find_checkpoint(NEWEST, str(copy)) == str(copy / 'iter_10.pth')
    _truncated(copy / 'iter_10.pth')
    assert find_checkpoint(NEWEST, str(copy)) == str(copy / 'iter_4.pth')


@pytest.mark.parametrize('pointer', [None, b'', b'gone.pth', bytes(40), b'\xff\xfe\x80'])
def test_without_a_good_pointer_the_highest_number_counts(run: Path, pointer: bytes | None) -> None:
    # A half-written file and the best one are no candidates.
    _touch(run, '.part-host-7-iter_12.pth', 'best_mIoU_iter_90.pth')
    (run / 'last_checkpoint').unlink()
    if pointer is not None:
        (run / 'last_checkpoint').write_bytes(pointer)
    assert find_checkpoint(NEWEST, str(run)) == str(run / 'iter_10.pth')


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (_empty, 'the file is empty'),
        (_truncated, 'it is incomplete or no checkpoint at all'),
        (_flipped, 'it is damaged: the checksum of'),
        (_zeros, 'it is incomplete or no checkpoint at all'),
        (Path.unlink, 'it is not there'),
    ],
)
def test_a_damaged_checkpoint_is_left_out(
    run: Path, spoil: Callable, reason: str, capsys: pytest.CaptureFixture
) -> None:
    spoil(run / 'iter_10.pth')
    assert find_checkpoint(AUTO, str(run)) == str(run / 'iter_4.pth')
    first, second = capsys.readouterr().err.splitlines()
    assert f"note: left out the checkpoint '{run / 'iter_10.pth'}': " in first
    assert reason in first
    assert second == f"note: the run continues from '{run / 'iter_4.pth'}'"


@pytest.mark.parametrize('pointer', ['/etc/hostname', 'a' * 500 + '.pth', 'iter_2'])
def test_a_strange_pointer_stops_no_restart(run: Path, pointer: str) -> None:
    (run / 'last_checkpoint').write_text(pointer)
    assert find_checkpoint(NEWEST, str(run)) == str(run / 'iter_10.pth')


def test_what_an_earlier_run_left_comes_last(run: Path) -> None:
    (run / 'last_checkpoint').write_text(str(run / 'iter_4.pth'))
    _flipped(run / 'iter_4.pth')
    assert find_checkpoint(NEWEST, str(run)) == str(run / 'iter_2.pth')
    _flipped(run / 'iter_2.pth')
    assert find_checkpoint(NEWEST, str(run)) == str(run / 'iter_10.pth')


@pytest.mark.parametrize('resume', [AUTO, NEWEST])
def test_only_damaged_checkpoints(run: Path, resume: str) -> None:
    for iteration in ITERATIONS:
        _flipped(run / f'iter_{iteration}.pth')
    with pytest.raises(
        UserError, match=r'is whole \(.*iter_10.*iter_4.*iter_2.*checksum'
    ) as raised:
        find_checkpoint(resume, str(run))
    assert 'to start anew' in str(raised.value)


@pytest.mark.parametrize('resume', [AUTO, NEWEST])
def test_a_pointer_to_nothing(tmp_path: Path, resume: str) -> None:
    # The folder of the checkpoints may be one that is not mounted.
    (tmp_path / 'last_checkpoint').write_text('/gone/iter_4.pth')
    with pytest.raises(UserError, match=r"iter_4\.pth': it is not there"):
        find_checkpoint(resume, str(tmp_path))


def test_nothing_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(UserError, match='no checkpoint in'):
        find_checkpoint(NEWEST, str(tmp_path / 'absent'))
    with pytest.raises(UserError, match=r"no checkpoint 'a\.pth'"):
        find_checkpoint('a.pth', str(tmp_path))
    assert find_checkpoint(AUTO, str(tmp_path)) is None
    assert 'the run starts anew' in capsys.readouterr().err


def test_a_damaged_file_is_refused_by_its_name(run: Path) -> None:
    best = run / 'best_mIoU_iter_10.pth'
    best.write_bytes((run / 'iter_10.pth').read_bytes())
    _flipped(best)
    _flipped(run / 'iter_10.pth')
    for path in (best, run / 'iter_10.pth'):
        with pytest.raises(UserError, match=f"'{path}': it is damaged") as raised:
            whole_checkpoint(str(path))
        said = f"; the newest whole one beside it is '{run / 'iter_4.pth'}'"
        assert str(raised.value).endswith(said)


def test_addresses_are_left_to_the_loader() -> None:
    assert existing_checkpoint('https://host/a.pth') == 'https://host/a.pth'
    assert whole_checkpoint('https://host/a.pth') == 'https://host/a.pth'


def _write_as_a_runner_does(work_dir: Path, started: bool = False) -> Any:
    log_dir = work_dir / '20200101_000000'
    _touch(work_dir, 'config.py')
    _touch(log_dir / 'vis_data', 'config.py')
    cfg = SimpleNamespace(filename='configs/config.py', pretty_text='x')
    return SimpleNamespace(log_dir=str(log_dir), cfg=cfg, started=started)


@pytest.mark.parametrize('started', [False, True])
def test_failed_start_is_taken_back(tmp_path: Path, started: bool) -> None:
    work_dir, runners = tmp_path / 'deep' / 'run', []
    with pytest.raises(UserError), nothing_left_behind(str(work_dir), runners):
        runners.append(_write_as_a_runner_does(work_dir, started))
        raise UserError('no')
    assert (tmp_path / 'deep').exists() is started


def test_what_another_run_wrote_stays(tmp_path: Path) -> None:
    _touch(tmp_path, 'iter_2.pth')
    runners: list[Any] = []
    with pytest.raises(UserError), nothing_left_behind(str(tmp_path), runners):
        # Another run begins in the same folder.
        _touch(tmp_path / '20190101_000000', 'its.log')
        _touch(tmp_path, 'made_by_another_program')
        runners.append(_write_as_a_runner_does(tmp_path))
        (tmp_path / 'config.py').write_text('that of the other run')
        raise UserError('no')
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        '20190101_000000',
        'config.py',
        'iter_2.pth',
        'made_by_another_program',
    ]


def test_what_was_there_stays(tmp_path: Path) -> None:
    _touch(tmp_path, 'config.py')
    runners: list[Any] = []
    with pytest.raises(UserError), nothing_left_behind(str(tmp_path), runners):
        runners.append(_write_as_a_runner_does(tmp_path))
        raise UserError('no')
    assert [path.name for path in tmp_path.iterdir()] == ['config.py']


def test_a_bug_keeps_its_log(tmp_path: Path) -> None:
    work_dir, runners = tmp_path / 'run', []
    with pytest.raises(ZeroDivisionError), nothing_left_behind(str(work_dir), runners):
        runners.append(_write_as_a_runner_does(work_dir))
        print(1 / 0)
    assert (work_dir / '20200101_000000').is_dir()
