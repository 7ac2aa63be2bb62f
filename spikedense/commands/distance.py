"""Measure how far the attentions of a model look: ``spikedense distance CONFIG [CHECKPOINT]``.

Examples:
    spikedense distance CONFIG CHECKPOINT --shape 512 512 --num-images 200
    spikedense distance CONFIG CHECKPOINT --data IMAGES --radius 3 --out distance.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from spikedense.analysis.attention_distance import RADIUS
from spikedense.analysis.distance_report import DistanceMeter, distance_report
from spikedense.analysis.distance_table import print_distances
from spikedense.checks.checkpoint import given_or_found
from spikedense.checks.out_file import check_out_file
from spikedense.errors import UserError
from spikedense.inference.model import open_model
from spikedense.inference.sized_images import images_of
from spikedense.utils.files import write_file

from .arguments import add_images_arguments, add_model_arguments
from .command import command

#: Columns that the table needs. A narrower terminal wraps or scrolls the table.
_WIDTH = 140


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_model_arguments(parser)
    add_images_arguments(parser)
    parser.add_argument(
        '--radius', type=int, default=RADIUS, help=f'Manhattan distance of the share ({RADIUS})'
    )
    parser.add_argument('--out', type=Path, help='write the report as JSON too')


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the attentions, and print the table.

    Returns:
        The report.
    """
    checkpoint = given_or_found(args.config, args.checkpoint)
    check_out_file('--out', args.out, inputs=[args.config, checkpoint])
    cfg, model = open_model(args.config, checkpoint, args.cfg_options)
    images, source = images_of(cfg, model, tuple(args.shape), args.num_images, args.data)
    if checkpoint is None:
        source += ', with random weights'
    try:
        meter = DistanceMeter(model, args.radius)
    except ValueError as exc:
        raise UserError(str(exc)) from exc
    try:
        report = distance_report(meter, images, source)
    except ValueError as exc:
        if not meter.refused or meter.distances():
            raise  # of another cause than the settings of the attentions
        raise UserError(str(exc)) from exc
    report = dict(config=args.config, checkpoint=checkpoint, **report)
    print_distances(report, Console(width=max(_WIDTH, Console().width)))
    if args.out is not None:
        write_file(args.out, json.dumps(report, indent=2) + '\n')
        print(f'report: {args.out}')
    return report
