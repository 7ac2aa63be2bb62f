"""What a work dir offers to resume from, and what a failed start leaves in it."""

from pathlib import Path

import pytest

from spikedense.apis.work_dir import existing_checkpoint, find_checkpoint, nothing_left_behind
from spikedense.errors import UserError


def _touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text('x')


def test_the_pointer_names_the_checkpoint(tmp_path: Path) -> None:
    _touch(tmp_path, 'iter_2.pth', 'iter_10.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_2.pth'))
    assert find_checkpoint('auto', str(tmp_path)) == str(tmp_path / 'iter_2.pth')


def test_a_moved_work_dir_still_resumes(tmp_path: Path) -> None:
    _touch(tmp_path, 'iter_2.pth')
    (tmp_path / 'last_checkpoint').write_text('old/place/iter_2.pth')
    assert find_checkpoint('auto', str(tmp_path)) == str(tmp_path / 'iter_2.pth')


@pytest.mark.parametrize('pointer', [None, '', 'gone.pth'])
def test_without_a_good_pointer_the_highest_number_counts(
    tmp_path: Path, pointer: str | None
) -> None:
    # A half-written file and the best one are no candidates.
    _touch(tmp_path, 'iter_2.pth', 'iter_10.pth', 'iter_12.pth.part', 'best_mIoU_iter_90.pth')
    if pointer is not None:
        (tmp_path / 'last_checkpoint').write_text(pointer)
    assert find_checkpoint('auto', str(tmp_path)) == str(tmp_path / 'iter_10.pth')


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no checkpoint in'):
        find_checkpoint('auto', str(tmp_path / 'absent'))
    with pytest.raises(UserError, match=r"no checkpoint 'a\.pth'"):
        find_checkpoint('a.pth', str(tmp_path))


def test_addresses_are_left_to_the_loader() -> None:
    assert existing_checkpoint('https://host/a.pth') == 'https://host/a.pth'


def _write_as_a_runner_does(work_dir: Path) -> None:
    _touch(work_dir, 'config.py')
    _touch(work_dir / '20200101_000000' / 'vis_data', 'config.py')


@pytest.mark.parametrize('started', [False, True])
def test_failed_start_is_taken_back(tmp_path: Path, started: bool) -> None:
    work_dir = tmp_path / 'deep' / 'run'
    with (
        pytest.raises(UserError),
        nothing_left_behind(str(work_dir), 'config.py', lambda: started),
    ):
        _write_as_a_runner_does(work_dir)
        raise UserError('no')
    assert (tmp_path / 'deep').exists() is started


def test_what_was_there_stays(tmp_path: Path) -> None:
    _touch(tmp_path, 'iter_2.pth', 'config.py')
    _touch(tmp_path / '20190101_000000', 'old.log')
    with (
        pytest.raises(UserError),
        nothing_left_behind(str(tmp_path), 'config.py', lambda: False),
    ):
        _write_as_a_runner_does(tmp_path)
        _touch(tmp_path, 'made_by_another_program')
        raise UserError('no')
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        '20190101_000000',
        'config.py',
        'iter_2.pth',
        'made_by_another_program',
    ]


def test_a_bug_keeps_its_log(tmp_path: Path) -> None:
    work_dir = tmp_path / 'run'
    with (
        pytest.raises(ZeroDivisionError),
        nothing_left_behind(str(work_dir), 'config.py', lambda: False),
    ):
        _write_as_a_runner_does(work_dir)
        print(1 / 0)
    assert (work_dir / '20200101_000000').is_dir()
