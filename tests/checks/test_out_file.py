"""The check of an output file, before the work for its content starts."""

from pathlib import Path

import pytest

from spikedense.checks.out_file import check_out_file
from spikedense.errors import UserError


def test_files_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / 'old.json').touch()
    check_out_file('--out', None, '.json')
    check_out_file('--out', tmp_path / 'new')
    check_out_file('--out', tmp_path / 'old.json', '.json')


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / 'absent' / 'new.json'):
        with pytest.raises(UserError, match=f"--out '{path}': expected a file in a folder that"):
            check_out_file('--out', path)
    with pytest.raises(UserError, match=r'expected a name that ends in \.html'):
        check_out_file('--out', tmp_path / 'new.json', '.html')
