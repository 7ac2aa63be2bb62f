"""Export convolutions and neurons: ``spikedense export nir CONFIG [CHECKPOINT] --out FILE.nir``.

The tool prints which modules are in the graph, and which modules NIR cannot express.
"""

import argparse
from pathlib import Path

from spikedense.deploy.nir_export import DT, NirReport, export_nir
from spikedense.inference.model import open_model

from .arguments import add_model_arguments, add_shape_argument
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_model_arguments(parser)
    parser.add_argument('--out', type=Path, required=True, help='file to write, *.nir')
    add_shape_argument(parser, (64, 64))
    parser.add_argument('--dt', type=float, default=DT, help='length of a time step in seconds')


def print_report(report: NirReport) -> None:
    """Print what was exported and what was not."""
    print(f'{report.path} ({report.path.stat().st_size / 1e6:.1f} MB), dt = {report.dt:g} s')
    neurons = sum(name.endswith('.neuron') for name in report.exported)
    print(f'exported: {len(report.exported) - neurons} convolutions, {neurons} neuron layers')
    for name, shape in report.outputs.items():
        print(f'  output {name}: {" x ".join(map(str, shape))}')
    print('not in the graph:')
    for name, reason in report.left_out:
        print(f'  {name}: {reason}')


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> NirReport:
    """Export.

    Returns:
        The report.
    """
    _, model = open_model(args.config, args.checkpoint, args.cfg_options)
    report = export_nir(model, args.out, tuple(args.shape), args.dt)
    print_report(report)
    return report
