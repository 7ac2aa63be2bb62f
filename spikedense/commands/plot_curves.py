"""Draw the training loss and the validation metric of one or several runs into one picture.

Examples:
    spikedense plot-curves work_dirs/RUN --out curves.png
    spikedense plot-curves work_dirs/A work_dirs/B --labels SNN ANN --out c.png
"""

import argparse
from pathlib import Path

from spikedense.checks.out_file import check_out_file
from spikedense.errors import UserError
from spikedense.visualization.curves import plot_runs, read_run

from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('runs', nargs='+', type=Path, help='work directories or scalars.json files')
    parser.add_argument(
        '--labels',
        nargs='+',
        help='names in the legend, one for each run (default: names of the folders)',
    )
    parser.add_argument('--metric', default='mIoU', help='validation metric (default: mIoU)')
    parser.add_argument('--window', type=int, default=5, help='logged losses averaged (default: 5)')
    parser.add_argument('--out', type=Path, required=True, help='the picture, e.g. curves.png')


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> None:
    """Read the runs and write the picture."""
    labels = args.labels or [None] * len(args.runs)
    if len(labels) != len(args.runs):
        raise UserError(f'--labels: {len(labels)} for {len(args.runs)} runs, expected one each')
    if args.window < 1:
        raise UserError(f'--window {args.window}, expected at least 1')
    check_out_file('--out', args.out, inputs=args.runs)
    try:
        runs = [
            read_run(run, args.metric, label) for run, label in zip(args.runs, labels, strict=True)
        ]
        plot_runs(runs, args.out, args.metric, args.window)
    except ValueError as exc:
        raise UserError(str(exc)) from exc
    print(f'{args.out}: written')
