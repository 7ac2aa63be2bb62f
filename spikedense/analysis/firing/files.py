"""Files of firing statistics: JSON, which can be read back, and CSV."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from spikedense.utils.files import write_file

from .meter import FiringStatistics

SUFFIXES = ('.json', '.csv')


def require_known_suffix(path: str | Path) -> None:
    """Check that statistics can be written to a file of this name.

    Args:
        path: The file.

    Raises:
        ValueError: The suffix is neither ``.json`` nor ``.csv``.
    """
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise ValueError(
            f"'{path}' has the suffix '{suffix}', expected {SUFFIXES[0]} or {SUFFIXES[1]}"
        )


def write_statistics(statistics: Mapping[str, FiringStatistics], path: str | Path) -> None:
    """Write statistics as JSON (name -> fields) or CSV (a row for each neuron).

    Args:
        statistics: Name of each neuron -> its statistics.
        path: A ``.json`` or ``.csv`` file. Several numbers in a CSV cell are separated by spaces.

    Raises:
        ValueError: The file has another suffix.
    """
    require_known_suffix(path)
    text = _as_json(statistics) if Path(path).suffix == '.json' else _as_csv(statistics)
    write_file(path, text)


def read_statistics(path: str | Path) -> dict[str, FiringStatistics]:
    """Read a JSON file that :func:`write_statistics` wrote.

    Args:
        path: The file.

    Returns:
        Name of each neuron -> its statistics.
    """
    content: dict[str, dict[str, Any]] = json.loads(Path(path).read_text(encoding='utf-8'))
    for numbers in content.values():
        numbers.update({key: tuple(v) for key, v in numbers.items() if isinstance(v, list)})
    return {name: FiringStatistics(**numbers) for name, numbers in content.items()}


def _as_json(statistics: Mapping[str, FiringStatistics]) -> str:
    content = {name: asdict(of_neuron) for name, of_neuron in statistics.items()}
    return json.dumps(content, indent=2, allow_nan=False) + '\n'


def _as_csv(statistics: Mapping[str, FiringStatistics]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['neuron', *(field.name for field in fields(FiringStatistics))])
    for name, of_neuron in statistics.items():
        cells = asdict(of_neuron).values()
        listed = (' '.join(map(str, c)) if isinstance(c, tuple) else c for c in cells)
        writer.writerow([name, *listed])
    return text.getvalue()
