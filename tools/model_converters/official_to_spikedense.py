"""Convert an official checkpoint of Spike-driven Transformer V2 or V3 or Spike2Former to our keys.

Takes classifiers, dense backbones, whole Semantic-FPN models and whole Spike2Formers, and
reports every key that it does not know or that the given config misses. A Spike2Former needs
settings of its own (the released layout, as many classes as its output has): its config is
written beside the new file.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from spikedense.apis.convert import convert_file
from spikedense.commands import report_errors
from spikedense.errors import UserError


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
    parser.add_argument(
        '--D', type=int, default=4, help='largest integer of the neurons of a Spike2Former (4)'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Converts; the exit code is not 0 where anything did not fit, and nothing is written then."""
    args = parse_args(argv)
    with report_errors(args.debug):
        state, cfg = convert_file(args.source, part=args.part, config=args.config, D=args.D)
        beside = args.target.with_suffix('.py')
        if cfg is not None and beside.exists() and beside.read_text() != cfg.pretty_text:
            raise UserError(
                f"'{beside}', where the config for the new file goes, exists with other content: "
                'move it away or choose another target'
            )
        partial = args.target.with_name(args.target.name + '.part')
        args.target.parent.mkdir(parents=True, exist_ok=True)
        torch.save({'state_dict': state}, partial)
        partial.replace(args.target)
    print(f'{len(state)} tensors written to {args.target}')
    if cfg is not None:
        cfg.dump(beside)
        print(f'the config for it: {beside}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
