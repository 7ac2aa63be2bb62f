"""The arrows of docs/architecture.md: nothing imports upwards."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Packages from the bottom to the top; a module may import its own level and those below.
LEVELS = [
    {'version', 'errors', 'registry', 'utils'},
    {'ops'},
    {'neurons'},
    {'converters', 'datasets'},
    {'weights'},
    {'models', 'evaluation'},
    {'tracing'},
    {'deploy'},
    {'analysis', 'engine', 'visualization', 'doctor'},
    {'apis', 'cli'},
]
LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}


def imported_modules(file: Path, package: Path) -> Iterator[str]:
    """Absolute names of what a file imports, relative imports resolved."""
    parts = ['spikedense', *file.relative_to(package).with_suffix('').parts]
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level] if node.level else []
            yield '.'.join([*base, *filter(None, [node.module])])


def test_nothing_imports_upwards(repo_root: Path) -> None:
    package = repo_root / 'spikedense'
    upwards = []
    for file in sorted(package.rglob('*.py')):
        own = file.relative_to(package).with_suffix('').parts[0]
        if own == '__init__':
            continue
        for name in imported_modules(file, package):
            scope, _, rest = name.partition('.')
            target = rest.partition('.')[0]
            if scope == 'spikedense' and target in LEVEL and LEVEL[target] > LEVEL[own]:
                upwards.append(f'{file.relative_to(package)} imports {name}')
    assert upwards == []


@pytest.mark.parametrize(
    ('module', 'absent'),
    [
        ('spikedense', ['torch', 'mmengine', 'mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.neurons', ['mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
        ('spikedense.ops', ['mmcv', 'mmseg', 'mmdet', 'mmpretrain']),
    ],
)
def test_imports_stay_light(module: str, absent: list[str]) -> None:
    code = f'import sys, {module}; print([m for m in {absent} if m in sys.modules])'
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == '[]'
