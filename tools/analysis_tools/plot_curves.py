"""Draw the training loss and the validation metric of one or several runs into one picture.

Examples:
    python tools/analysis_tools/plot_curves.py work_dirs/RUN --out curves.png
    python tools/analysis_tools/plot_curves.py work_dirs/A work_dirs/B --labels SNN ANN --out c.png
"""

import argparse
import sys
from pathlib import Path

from spikedense.visualization.curves import plot_runs, read_run


def main(argv: list[str] | None = None) -> int:
    """Read the runs and write the picture.

    Args:
        argv: The words after the name of the program; by default those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
    args = parser.parse_args(argv)
    try:
        if args.labels is not None and len(args.labels) != len(args.runs):
            raise ValueError(
                f'--labels: {len(args.labels)} for {len(args.runs)} runs, expected one each'
            )
        if args.window < 1:
            raise ValueError(f'--window {args.window}, expected at least 1')
        if not args.out.parent.is_dir():
            raise FileNotFoundError(f'--out {str(args.out)!r}: its folder does not exist')
        labels = args.labels or [None] * len(args.runs)
        runs = [
            read_run(run, args.metric, label) for run, label in zip(args.runs, labels, strict=True)
        ]
        plot_runs(runs, args.out, args.metric, args.window)
    except (OSError, ValueError) as error:
        print(f'plot_curves: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: written')
    return 0


if __name__ == '__main__':
    sys.exit(main())
