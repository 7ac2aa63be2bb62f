"""Files of firing statistics."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from firing_statistics import EXPECTED, SILENT

from spikedense.analysis.firing import read_statistics, write_statistics


def test_json(tmp_path: Path) -> None:
    write_statistics({'a.neuron': EXPECTED, 'b': SILENT}, tmp_path / 'rates.json')
    plain = json.loads((tmp_path / 'rates.json').read_text())
    assert plain['b'] == {**asdict(SILENT), 'per_step': [0.0, 0.0], 'per_level': [0.0]}
    read = read_statistics(tmp_path / 'rates.json')
    assert read == {'a.neuron': EXPECTED, 'b': SILENT}
    assert [path.name for path in tmp_path.iterdir()] == ['rates.json']


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / 'rates.csv'
    write_statistics({'a.neuron': EXPECTED, 'b': SILENT}, str(path))
    with path.open(newline='') as file:
        first, second = csv.DictReader(file)
    assert first.pop('neuron') == 'a.neuron'
    assert tuple(map(float, first.pop('per_level').split())) == EXPECTED.per_level
    for key, cell in first.items():
        value = getattr(EXPECTED, key)
        assert (float(cell),) == (value if isinstance(value, tuple) else (value,))
    assert (second['neuron'], second['per_step'], second['units']) == ('b', '0.0 0.0', '2')


def test_files_are_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"rates\.txt' has the suffix '\.txt', expected \.json or"):
        write_statistics({'a': EXPECTED}, tmp_path / 'rates.txt')
    path = tmp_path / 'rates.json'
    path.write_text('before')

    def torn(part: Path, content: bytes) -> None:
        with part.open('wb') as file:
            file.write(content[:9])
        raise OSError('no space left')

    monkeypatch.setattr(Path, 'write_bytes', torn)
    with pytest.raises(OSError, match='no space'):
        write_statistics({'a': EXPECTED}, path)
    assert path.read_text() == 'before'
    assert list(tmp_path.iterdir()) == [path]
