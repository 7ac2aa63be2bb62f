"""Write a page about a checkpoint: ``spikedense report CONFIG CHECKPOINT``.

The page shows accuracy, energy, firing and examples. It is HTML that needs no other file. The
numbers are written as JSON beside the page.

Examples:
    spikedense report CONFIG CHECKPOINT --out report.html
    spikedense report CONFIG CHECKPOINT --num-images 200 --spikingjelly
    spikedense report CONFIG CHECKPOINT --data 'photos/*.jpg' --examples 8
"""

import argparse
from pathlib import Path
from typing import Any

from spikedense.report.report import make_report
from spikedense.utils.html_page import number

from .arguments import (
    add_energy_arguments,
    add_model_arguments,
    add_shape_argument,
    energy_settings,
)
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_model_arguments(parser, without='those at hand for the name')
    parser.add_argument(
        '--data',
        default='test',
        help="test (the config's test set); or a file, folder or pattern, which gives no accuracy",
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('report.html'),
        help='the page; the JSON file has the same name',
    )
    parser.add_argument('--examples', type=int, default=4, help='images to show')
    parser.add_argument(
        '--num-images', type=int, default=10, help='largest number of images for the energy'
    )
    add_shape_argument(parser, None, what="size for the energy (the config's crop or test size)")
    add_energy_arguments(parser)


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> dict[str, Any]:
    """Make the report, and print its main figures.

    Returns:
        The numbers.
    """
    report = make_report(
        args.config,
        args.checkpoint,
        args.out,
        data=args.data,
        num_images=args.num_images,
        examples=args.examples,
        shape=None if args.shape is None else tuple(args.shape),
        settings=energy_settings(args),
        spikingjelly=args.spikingjelly,
        cfg_options=args.cfg_options,
    )
    for figure in report['headline']:
        print(f'{figure["label"]}: {number(figure["value"], figure["kind"])} {figure["unit"]}')
    if report['firing'] and report['firing']['alarms']:
        print(f'firing alarms: {len(report["firing"]["alarms"])}, named in the report')
    print(f'report: {args.out}')
    print(f'numbers: {args.out.with_suffix(".json")}')
    return report
