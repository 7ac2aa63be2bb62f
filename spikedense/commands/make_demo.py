"""Write the demo set: ``spikedense make-demo --out data/demo --seed 0``."""

import argparse
from collections.abc import Sequence

from spikedense.datasets.demo_generator import DemoSpec, ensure_demo
from spikedense.errors import UserError

from .errors import report_errors


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The arguments.
    """
    default = DemoSpec()
    parser = argparse.ArgumentParser(
        prog=prog,
        description='Write a generated data set with semantic, instance and panoptic ground truth.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--out', default='data/demo', help='folder to write')
    parser.add_argument('--seed', type=int, default=default.seed)
    parser.add_argument(
        '--size', type=int, nargs=2, default=default.size, metavar=('HEIGHT', 'WIDTH')
    )
    parser.add_argument('--num-train', type=int, default=default.num_train, metavar='N')
    parser.add_argument('--num-val', type=int, default=default.num_val, metavar='N')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Write the set if it does not exist yet.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.
    """
    args = parse_args(argv, prog)
    with report_errors(args.debug):
        try:
            written = ensure_demo(args.out, args.seed, args.size, args.num_train, args.num_val)
        except ValueError as exc:
            raise UserError(str(exc)) from exc
    print(f'{args.out}: {"written" if written else "already there, with these parameters"}.')
