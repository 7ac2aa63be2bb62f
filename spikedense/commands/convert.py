"""Convert an official checkpoint of a known family to the keys of this package.

The known families are Semantic FPN, Spike2Former, the spiking detectors, and the classifiers and
backbones that docs/published_weights.md lists; the config can register others. The tool prints the
sha256 of the official file, and writes it into the new one. An error names the keys that no family
knows, and the keys that the model of the config lacks. A Spike2Former
checkpoint needs special settings (the released layout, the number of classes of its output). The
tool then also writes a config, with the name of the new file.
"""

import argparse
from pathlib import Path

import torch

from spikedense.apis.convert import convert_file
from spikedense.checks.out_file import check_file
from spikedense.converters import portable_text
from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent, write_file
from spikedense.utils.wording import some_of
from spikedense.weights import CONVERTED_FROM

from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('source', type=Path, help='the official checkpoint')
    parser.add_argument('target', type=Path, help='the file to write')
    parser.add_argument(
        '--config', help='a config; its model must have exactly the converted keys and shapes'
    )
    parser.add_argument(
        '--part',
        choices=['all', 'backbone'],
        default='all',
        help="'backbone' writes only the keys of the backbone, for init_cfg",
    )
    parser.add_argument(
        '--D', type=int, default=4, help='largest integer of the neurons of a Spike2Former (4)'
    )


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> None:
    """Convert. If a key or a weight does not fit, nothing is written and the exit code is 2."""
    check_file('target', args.target, [args.source, args.config])
    found = convert_file(args.source, part=args.part, config=args.config, D=args.D)
    cfg = found.config
    beside = args.target.with_suffix('.py')
    if cfg is not None and beside.exists() and beside.read_text() != portable_text(cfg):
        raise UserError(
            f"'{beside}', where the config for the new file goes, exists with other content: "
            'move it away or choose another target'
        )
    args.target.parent.mkdir(parents=True, exist_ok=True)
    with complete_or_absent(args.target) as partial:
        torch.save({'meta': found.meta, 'state_dict': found.state_dict}, partial)
    origin = found.meta[CONVERTED_FROM]
    print(f'{args.source}: {origin["family"]}')
    print(f'sha256: {origin["sha256"]}')
    if found.dropped:
        print(f'left out: {len(found.dropped)} keys ({some_of(found.dropped)})')
    print(f'{len(found.state_dict)} tensors written to {args.target}')
    if cfg is not None:
        write_file(beside, portable_text(cfg))
        print(f'the config for it: {beside}')
