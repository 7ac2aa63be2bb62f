"""Convert an official checkpoint of Spike-driven Transformer V2 or V3 to our keys.

Takes classifiers, dense backbones and whole Semantic-FPN models, with or without layer scales, and
reports every key that it does not know or that the given config misses.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from spikedense.apis.convert import convert_file
from spikedense.apis.errors import report_errors


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='the official checkpoint')
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument(
        '--config', help='a config whose model must take the result, key by key and shape by shape'
    )
    parser.add_argument(
        '--part',
        choices=['all', 'backbone'],
        default='all',
        help="'backbone' writes the backbone's keys alone, for init_cfg",
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Converts; the exit code is not 0 where anything did not fit, and nothing is written then."""
    args = parse_args(argv)
    with report_errors(args.debug):
        state = convert_file(args.source, part=args.part, config=args.config)
        partial = args.target.with_name(args.target.name + '.part')
        args.target.parent.mkdir(parents=True, exist_ok=True)
        torch.save({'state_dict': state}, partial)
        partial.replace(args.target)
    print(f'{len(state)} tensors written to {args.target}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
