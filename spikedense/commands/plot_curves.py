"""Draw the training loss and the validation metric of one or several runs into one picture.

Examples:
    spikedense plot-curves work_dirs/RUN --out curves.png
    spikedense plot-curves work_dirs/A work_dirs/B --labels SNN ANN --out c.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from spikedense.checks.outputs import check_file
from spikedense.errors import UserError
from spikedense.visualization.curves import plot_runs, read_run

from .errors import report_errors


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Read the runs and write the picture.

    Args:
        argv: The words after the program's name; by default those of the process.
        prog: The program's name in the help; by default that of the process.
    """
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('runs', nargs='+', type=Path, help='work directories or scalars.json files')
    parser.add_argument(
        '--labels',
        nargs='+',
        help='names in the legend, one for each run (default: names of the folders)',
    )
    parser.add_argument('--metric', default='mIoU', help='validation metric (default: mIoU)')
    parser.add_argument('--window', type=int, default=5, help='logged losses averaged (default: 5)')
    parser.add_argument('--out', type=Path, required=True, help='the picture, e.g. curves.png')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    args = parser.parse_args(argv)
    with report_errors(args.debug):
        labels = args.labels or [None] * len(args.runs)
        if len(labels) != len(args.runs):
            raise UserError(f'--labels: {len(labels)} for {len(args.runs)} runs, expected one each')
        if args.window < 1:
            raise UserError(f'--window {args.window}, expected at least 1')
        if not args.out.parent.is_dir():
            raise UserError(f'--out {str(args.out)!r}: its folder does not exist')
        check_file('--out', args.out, args.runs)
        try:
            runs = [
                read_run(run, args.metric, label)
                for run, label in zip(args.runs, labels, strict=True)
            ]
            plot_runs(runs, args.out, args.metric, args.window)
        except ValueError as exc:
            raise UserError(str(exc)) from exc
    print(f'{args.out}: written')
