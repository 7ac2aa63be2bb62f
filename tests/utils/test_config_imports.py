"""Modules that a config imports."""

import re
from pathlib import Path

import pytest

from spikedense.errors import UserError
from spikedense.utils.config_imports import import_modules
from spikedense.utils.config_reader import read_config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('nowhere', "there is no module 'nowhere' in "),
        ('nowhere.inside', "there is no module 'nowhere' in "),
        ('needs', "the module 'needs' ends with an error"),
        ('fails', 'line 1): ZeroDivisionError'),
        ('wrong', 'wrong.py, line 1): invalid syntax'),
    ],
)
def test_modules_that_cannot_be_imported(folder: Path, name: str, said: str) -> None:
    (folder / 'needs.py').write_text('import nowhere')
    (folder / 'fails.py').write_text('1 / 0')
    (folder / 'wrong.py').write_text('a a')
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        import_modules(dict(imports=[name]), 'c.py')
    assert str(caught.value).startswith("custom_imports of 'c.py': ")


def test_modules_that_may_fail(folder: Path) -> None:
    (folder / 'fails.py').write_text('1 / 0')
    with pytest.warns(UserWarning, match="left out, there is no module 'nowhere'"):
        import_modules(dict(imports='nowhere', allow_failed_imports=True), 'c.py')
    # As in mmengine, only imports may fail.
    with pytest.raises(UserError, match='ZeroDivisionError'):
        import_modules(dict(imports='fails', allow_failed_imports=True), 'c.py')


@pytest.mark.parametrize(
    ('section', 'said'),
    [
        (['a'], r"is \['a'\], expected dict"),
        (dict(import_='a'), "has no key 'import_'; did you mean 'imports'"),
        (dict(imports=[3]), r'imports=\[3\], expected a list of names'),
    ],
)
def test_sections_of_another_form(section: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        import_modules(section, 'c.py')


def test_a_config_imports(folder: Path) -> None:
    (folder / 'own_marks.py').write_text('MARK = 1')
    config = folder / 'config.py'
    config.write_text("custom_imports = dict(imports=['own_marks'])")
    assert read_config(config).custom_imports.imports == ['own_marks']
    config.write_text("custom_imports = dict(imports=['own_mark'])")
    with pytest.raises(UserError, match="no module 'own_mark'"):
        read_config(config)
