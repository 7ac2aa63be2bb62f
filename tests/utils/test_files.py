"""Files that are whole or absent, also on a full disk and after a kill."""

import errno
import os
from pathlib import Path

import pytest

from spikedense.errors import UserError
from spikedense.utils.files import (
    complete_or_absent,
    remove_abandoned,
    temporary_name,
    write_file,
)


def test_a_durable_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    replace = os.replace

    def flushed(handle: int) -> None:
        done.append(Path(os.readlink(f'/proc/self/fd/{handle}')).name)

    def renamed(old: Path, new: Path) -> None:
        done.append('renamed')
        replace(old, new)

    monkeypatch.setattr(os, 'fsync', flushed)
    monkeypatch.setattr(os, 'replace', renamed)
    write_file(tmp_path / 'a', 'text', durable=True)
    assert done == [temporary_name('a'), 'renamed', tmp_path.name]
    write_file(tmp_path / 'b', 'text')
    assert done[3:] == ['renamed']


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (OSError(errno.ENOSPC, 'No space left on device'), 'no space is left on the disk; '),
        (OSError(errno.EDQUOT, 'Disk quota exceeded'), 'the quota of the disk is used up; '),
        (OSError(errno.EIO, 'Input/output error'), 'input/output error of the disk; '),
        (RuntimeError('PytorchStreamWriter failed writing file data/0'), 'the disk did not take'),
        (RuntimeError('inline_container.cc:672] . unexpected pos 704 vs 598'), 'the disk did not'),
    ],
)
def test_a_disk_that_does_not_take_a_file(tmp_path: Path, error: Exception, said: str) -> None:
    path = tmp_path / 'a.pth'
    path.write_text('before')
    with (
        pytest.raises(UserError, match=rf"cannot write '{path}': {said}.* MiB are free"),
        complete_or_absent(path) as part,
    ):
        part.write_text('half')
        raise error
    assert path.read_text() == 'before'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    'error', [OSError(errno.ENOSPC, 'No space', 'another'), RuntimeError('a bug'), UserError('no')]
)
def test_other_errors_stay_as_they_are(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, complete_or_absent(tmp_path / 'a'):
        raise error
    assert raised.value is error


def test_what_killed_processes_left(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        (tmp_path / temporary_name('a.pth')).write_text('half')
        (tmp_path / temporary_name('onnx')).mkdir()
        (tmp_path / temporary_name('onnx') / 'a').write_text('half')
        os._exit(0)
    os.waitpid(child, 0)
    own = temporary_name('a.pth').split('-')
    stay = ['a.pth', '.part-notes', f'.part-{own[1]}-{os.getppid()}-b', f'.part-other-{own[2]}-b']
    old = tmp_path / f'.part-other-{own[2]}-c'
    for name in (*stay, old.name):
        (tmp_path / name).write_text('x')
    os.utime(old, (0, 0))
    assert len(list(tmp_path.iterdir())) == len(stay) + 3
    remove_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(stay)
