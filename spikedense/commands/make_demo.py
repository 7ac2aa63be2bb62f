"""Write the demo set: ``spikedense make-demo --out data/demo --seed 0``.

It is a generated data set with semantic, instance and panoptic ground truth.
"""

import argparse

from spikedense.datasets.demo_generator import DemoSpec, ensure_demo
from spikedense.errors import UserError

from .arguments import add_shape_argument
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    spec = DemoSpec()
    parser.add_argument('--out', default='data/demo', help='folder to write (data/demo)')
    parser.add_argument(
        '--seed', type=int, default=spec.seed, help=f'seed of the images ({spec.seed})'
    )
    add_shape_argument(parser, spec.size, '--size')
    for part, number in (('train', spec.num_train), ('val', spec.num_val)):
        what = f'images of the {part} split ({number})'
        parser.add_argument(f'--num-{part}', type=int, default=number, metavar='N', help=what)


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> None:
    """Write the set if it does not exist yet."""
    try:
        written = ensure_demo(args.out, args.seed, args.size, args.num_train, args.num_val)
    except ValueError as exc:
        raise UserError(str(exc)) from exc
    print(f'{args.out}: {"written" if written else "already there, with these parameters"}.')
