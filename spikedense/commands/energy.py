"""Count and price operations: ``spikedense energy CONFIG [CHECKPOINT]``.

Examples:
    spikedense energy CONFIG CHECKPOINT --shape 512 512 --num-images 200
    spikedense energy CONFIG --data random --mode strict --layers 0
    spikedense energy CONFIG --shape 512 512 --memory
    spikedense energy CONFIG CHECKPOINT --spikingjelly --out energy.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import nn

from spikedense.analysis.energy_report import energy_report
from spikedense.analysis.energy_table import print_energy
from spikedense.analysis.memory import peak_memory
from spikedense.analysis.spikingjelly_energy import spikingjelly_energy
from spikedense.analysis.workload import WorkloadSettings
from spikedense.checks.checkpoint import given_or_found
from spikedense.checks.config_options import checked_options
from spikedense.checks.out_file import check_out_file
from spikedense.errors import UserError
from spikedense.inference.model import open_model
from spikedense.inference.sized_images import images_of
from spikedense.neurons import BaseNeuron
from spikedense.utils.config_path import resolve_config
from spikedense.utils.config_reader import read_config
from spikedense.utils.files import write_file

from .arguments import (
    add_energy_arguments,
    add_images_arguments,
    add_model_arguments,
    energy_settings,
)
from .command import command

#: Columns that the tables need. A narrower terminal wraps or scrolls the tables.
_WIDTH = 130


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_model_arguments(parser)
    add_images_arguments(parser)
    add_energy_arguments(parser)
    parser.add_argument(
        '--memory', action='store_true', help='measure the peak memory of a forward pass too'
    )
    parser.add_argument('--layers', type=int, default=12, help='layers to print, 0 for all')
    parser.add_argument('--out', type=Path, help='write the report as JSON too')


def _peak_memory(args: argparse.Namespace, model: nn.Module) -> dict[str, Any]:
    """Measure the peaks of a forward pass in MiB, of the backbone if the model is no segmentor."""
    part = 'model' if hasattr(model, 'decode_head') else 'backbone'
    path = str(resolve_config(args.config))
    options = checked_options(read_config(path), args.cfg_options or {})
    settings = WorkloadSettings(path, options, part, tuple(args.shape))
    try:
        peaks = peak_memory(settings, train=False)
    except RuntimeError as exc:
        raise UserError(str(exc)) from exc
    return dict(part=part, built_mib=peaks['built'], forward_mib=peaks['forward'])


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> dict[str, Any]:
    """Count and price the operations, and print the tables.

    Returns:
        The report.
    """
    checkpoint = given_or_found(args.config, args.checkpoint)
    check_out_file('--out', args.out, inputs=[args.config, checkpoint])
    cfg, model = open_model(args.config, checkpoint, args.cfg_options)
    if args.spikingjelly and not any(isinstance(m, BaseNeuron) for m in model.modules()):
        raise UserError("--spikingjelly: SpikingJelly's models price spikes, this model has none")
    images, source = images_of(cfg, model, tuple(args.shape), args.num_images, args.data)
    if checkpoint is None:
        source += ', with random weights'
    # Before the count, which takes long: the new process may fail.
    peak = dict(peak_memory=_peak_memory(args, model)) if args.memory else {}
    report = energy_report(model, images, energy_settings(args), source=source)
    report = dict(config=args.config, checkpoint=checkpoint, **report, **peak)
    if args.spikingjelly:
        images, _ = images_of(cfg, model, tuple(args.shape), 1, args.data)
        report['spikingjelly'] = spikingjelly_energy(model, next(images))
    print_energy(report, Console(width=max(_WIDTH, Console().width)), args.layers)
    if args.out is not None:
        write_file(args.out, json.dumps(report, indent=2) + '\n')
        print(f'report: {args.out}')
    return report
