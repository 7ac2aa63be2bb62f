"""Write the demo set: python tools/dataset_converters/make_demo.py --out data/demo --seed 0."""

import argparse
import sys

from spikedense.datasets.demo_generator import DemoSpec, ensure_demo


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    default = DemoSpec()
    parser = argparse.ArgumentParser(
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
    return parser.parse_args()


def main() -> None:
    """Write the set if it does not exist yet."""
    args = parse_args()
    try:
        written = ensure_demo(args.out, args.seed, args.size, args.num_train, args.num_val)
    except (ValueError, OSError) as error:
        sys.exit(f'make_demo: {error}')
    print(f'{args.out}: {"written" if written else "already there, with these parameters"}.')


if __name__ == '__main__':
    main()
