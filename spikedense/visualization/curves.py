"""A picture of the learning curves of one or several runs, from the scalars of mmengine."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikedense.utils.colors import COLORS

SCALARS = 'scalars.json'


@dataclass
class Run:
    """The scalars of one run.

    Args:
        name: Name in the legend.
        loss: (iteration, training loss) pairs.
        metric: (iteration, validation metric) pairs.
    """

    name: str
    loss: list[tuple[int, float]] = field(default_factory=list)
    metric: list[tuple[int, float]] = field(default_factory=list)


def scalar_files(run: Path) -> list[Path]:
    """Find the scalar files of a run, the oldest first. A resumed run has one for each start.

    Args:
        run: A ``scalars.json``, or a work directory with ``<time>/vis_data/scalars.json`` in it.

    Returns:
        At least one file.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if run.is_file():
        return [run]
    if not run.is_dir():
        raise FileNotFoundError(f'run {str(run)!r}: no such file or folder')
    files = sorted(run.glob(f'**/vis_data/{SCALARS}'))
    if not files:
        raise FileNotFoundError(
            f'run {str(run)!r}: no vis_data/{SCALARS} below it; expected a folder that '
            'spikedense train wrote to'
        )
    return files


def read_run(run: Path, metric: str = 'mIoU', name: str | None = None) -> Run:
    """Read the curves of a run.

    If a later start repeats iterations of an earlier start, the values of the later start count.

    Args:
        run: See :func:`scalar_files`.
        metric: Key of the validation metric.
        name: Name in the legend; by default the name of the folder.

    Returns:
        The curves, sorted by iteration.

    Raises:
        FileNotFoundError: See :func:`scalar_files`.
        ValueError: A line is not JSON, or neither the loss nor the metric was logged.
    """
    loss: dict[int, float] = {}
    values: dict[int, float] = {}
    known: set[str] = set()
    for file in scalar_files(run):
        records = _records(file)
        if records:
            first = min(int(record['step']) for record in records)
            loss = {step: value for step, value in loss.items() if step < first}
            values = {step: value for step, value in values.items() if step < first}
        for record in records:
            known.update(record)
            for key, curve in (('loss', loss), (metric, values)):
                if key in record:
                    curve[int(record['step'])] = float(record[key])
    if not loss and not values:
        raise ValueError(
            f'run {str(run)!r}: neither loss nor {metric!r} was logged, only {sorted(known)}'
        )
    return Run(name or _run_name(run), sorted(loss.items()), sorted(values.items()))


def _records(file: Path) -> list[dict[str, Any]]:
    """Read the lines of a scalar file, without an incomplete last line of a killed process."""
    records = []
    lines = file.read_text(encoding='utf-8').splitlines()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise ValueError(f'{file}: line {number} is not JSON: {error}') from error
        if isinstance(record, dict) and 'step' in record:
            records.append(record)
    return records


def _run_name(run: Path) -> str:
    run = run.resolve()
    if run.is_file():  # <run>/<time>/vis_data/scalars.json
        return run.parents[2].name
    return run.name


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Average the finite numbers among ``window`` values around each value (fewer at the ends)."""
    before, after = (window - 1) // 2, window // 2
    means = []
    for index in range(len(values)):
        near = values[max(0, index - before) : index + after + 1]
        finite = [value for value in near if math.isfinite(value)]
        means.append(sum(finite) / len(finite) if finite else math.nan)
    return means


def plot_runs(runs: Sequence[Run], out: Path, metric: str = 'mIoU', window: int = 5) -> None:
    """Draw the training loss (left) and the validation metric (right) of all runs.

    Args:
        runs: The runs. Each run has its own colour.
        out: The picture. Its suffix chooses the format.
        metric: Name of the right axis.
        window: Number of logged losses that are averaged. The single losses are drawn pale.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout='constrained')
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharex=True)
    handles = []
    for index, run in enumerate(runs):
        color = COLORS[index % len(COLORS)]
        style = ('-', '--', ':')[index // len(COLORS) % 3]
        if run.loss:
            steps, losses = zip(*run.loss, strict=True)
            left.plot(steps, losses, color=color, alpha=0.25, linewidth=1)
            left.plot(steps, smooth(losses, window), style, color=color, linewidth=1.8)
        label = run.name
        if run.metric:
            steps, values = zip(*run.metric, strict=True)
            right.plot(steps, values, style, color=color, linewidth=1.8, marker='o', markersize=3.5)
            label += f' ({metric}: last {values[-1]:.2f}, best {max(values):.2f})'
        handles += left.plot([], [], style, color=color, linewidth=1.8, label=label)
    for axis, title in ((left, 'training loss'), (right, f'validation {metric}')):
        axis.set_xlabel('iteration')
        axis.set_title(title)
        axis.grid(alpha=0.3)
        axis.spines[['top', 'right']].set_visible(False)
    figure.legend(handles=handles, loc='outside lower center', frameon=False)
    figure.savefig(out, dpi=130)
