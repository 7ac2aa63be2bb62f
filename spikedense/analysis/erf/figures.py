"""All figures of effective receptive fields, as files for a paper."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spikedense.errors import UserError

from .result import ERFResult

if TYPE_CHECKING:
    from .plot import Plot


def write_figures(results: Sequence[ERFResult], folder: str | Path) -> list[Path]:
    """Write all figures as PDF, SVG and PNG, each with a small table below.

    Equal results give equal files.

    Args:
        results: One result for each model. Colours and line styles follow their order.
        folder: The folder; it is created if it is missing.

    Returns:
        The files.

    Raises:
        UserError: See :func:`all_plots`; or the disk is full or read-only.
    """
    plots = all_plots(results)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return [file for plot in plots for file in plot.save(folder)]


def all_plots(results: Sequence[ERFResult]) -> list['Plot']:
    """Return all figures, not drawn yet: comparisons first, then each model.

    Args:
        results: One result for each model.

    Raises:
        UserError: There is no result, a result has no layer, or two models have the same name.
    """
    _check(results)
    # The modules load a plotting library, which takes a second.
    from .curve_plots import area_plots, delay_plots
    from .grid_plots import grid_plots
    from .map_plots import layer_plots
    from .profile_plots import profile_plots

    plots = [*grid_plots(results), *area_plots(results), *delay_plots(results)]
    for result in results:
        plots += [*layer_plots(result), *profile_plots(result)]
    return _with_names_of_their_own(plots)


def _check(results: Sequence[ERFResult]) -> None:
    if not results:
        raise UserError('figures: 0 results, expected one or more')
    names = [result.model for result in results]
    for result in results:
        if names.count(result.model) > 1:
            raise UserError(f"figures: two models are named '{result.model}', expected two names")
        if not result.maps:
            raise UserError(f"figures: '{result.model}' has 0 layers, expected one or more")


def _with_names_of_their_own(plots: Sequence['Plot']) -> list['Plot']:
    """Add numbers to equal names of files; some file systems do not tell ``A`` from ``a``."""
    seen: dict[str, int] = {}
    named = []
    for plot in plots:
        count = seen[plot.name.lower()] = seen.get(plot.name.lower(), 0) + 1
        named.append(plot if count == 1 else replace(plot, name=f'{plot.name}_{count}'))
    return named
