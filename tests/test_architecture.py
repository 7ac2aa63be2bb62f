"""The arrows of docs/architecture.md: nothing imports upwards, and no imports form a circle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Rooms from the bottom to the top. A module may import its own room and the rooms below it, but
#: not another room of its level.
LEVELS = [
    {'version', 'errors', 'registry'},
    {'utils'},
    {'checkpoint_files'},
    {'ops'},
    {'neurons'},
    {'checks', 'converters', 'datasets'},
    {'weights'},
    {'models', 'evaluation'},
    {'tracing'},
    {'deploy'},
    {'analysis', 'visualization', 'doctor'},
    {'engine'},
    {'apis', 'inference'},
    {'report'},
    {'commands'},
    {'cli'},
]
LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}
#: The rooms that `checks` may import: none that knows of spikes.
BELOW_CHECKS = {'checks', 'errors', 'utils'}


def module_name(file: Path, package: Path) -> str:
    parts = ('spikedense', *file.relative_to(package).with_suffix('').parts)
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imported_modules(file: Path, package: Path, known: set[str]) -> Iterator[str]:
    """Names of the modules of the package that a file imports, inside of functions too."""
    folders = ('spikedense', *file.relative_to(package).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(folders[: len(folders) - node.level + 1]) if node.level else []
            module = '.'.join([*base, *filter(None, [node.module])])
            # What is imported from a folder may be one of its modules.
            inside = [f'{module}.{alias.name}' for alias in node.names]
            names = [name if name in known else module for name in inside]
        yield from (name for name in names if name in known)


@pytest.fixture(scope='module')
def imports(repo_root: Path) -> dict[str, set[str]]:
    """Each module of the package -> the modules of the package that it imports."""
    package = repo_root / 'spikedense'
    files = {module_name(file, package): file for file in sorted(package.rglob('*.py'))}
    return {
        name: set(imported_modules(file, package, set(files))) - {name}
        for name, file in files.items()
    }


def room(module: str) -> str:
    return module.split('.')[1] if '.' in module else ''


def test_every_room_has_a_level(imports: dict[str, set[str]]) -> None:
    assert {room(name) for name in imports} - {''} == set(LEVEL)


def test_nothing_imports_upwards(imports: dict[str, set[str]]) -> None:
    upwards = [
        f'{name} imports {other}'
        for name, others in imports.items()
        for other in sorted(others)
        if room(name) and room(other) and room(name) != room(other)
        if LEVEL[room(other)] >= LEVEL[room(name)]
    ]
    assert upwards == []


def circle(imports: dict[str, set[str]]) -> list[str]:
    """A circle of modules that import one another, or nothing."""
    done: set[str] = set()

    def search(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(imports[name]):
            if found := search(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in imports if (found := search(name, []))), [])


def test_no_imports_form_a_circle(imports: dict[str, set[str]]) -> None:
    assert circle({'a': {'b'}, 'b': {'c', 'd'}, 'c': set(), 'd': {'b'}}) == ['b', 'd', 'b']
    assert circle(imports) == []


def test_checks_know_nothing_of_spikes(imports: dict[str, set[str]]) -> None:
    reached = {
        room(o) for name, others in imports.items() if room(name) == 'checks' for o in others
    }
    assert reached <= BELOW_CHECKS


def test_registered_rooms_bring_the_safe_loader(imports: dict[str, set[str]]) -> None:
    # mmengine imports the models together with the neurons.
    for name in ('datasets', 'engine', 'evaluation', 'models'):
        assert 'spikedense.checkpoint_files' in imports[f'spikedense.{name}']


@pytest.mark.parametrize(
    ('module', 'absent'),
    [
        ('spikedense', ['torch', 'mmengine', 'mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.cli', ['torch', 'mmengine', 'mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.utils', ['torch', 'mmengine', 'mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.neurons', ['mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.ops', ['mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.checks.dataset', ['mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.checks.model', ['mmseg', 'mmdet', 'mmpretrain', 'spikedense.neurons']),
        ('spikedense.inference', ['torch', 'mmseg', 'mmdet', 'mmpretrain']),
    ],
)
def test_imports_stay_light(module: str, absent: list[str]) -> None:
    code = f'import sys, {module}; print([m for m in {absent} if m in sys.modules])'
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == '[]'
