"""Export convolutions and neurons: ``spikedense export nir CONFIG [CHECKPOINT] --out FILE.nir``.

The tool prints which modules are in the graph, and which modules NIR cannot express.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from spikedense.deploy.nir_export import DT, NirReport, export_nir
from spikedense.deploy.onnx_export import ExportError
from spikedense.errors import UserError
from spikedense.inference.model import open_model

from .arguments import add_model_arguments, parse_model_arguments
from .errors import report_errors


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.splitlines()[0])
    add_model_arguments(parser)
    parser.add_argument('--out', type=Path, required=True, help='file to write, *.nir')
    parser.add_argument('--shape', nargs=2, type=int, default=(64, 64), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--dt', type=float, default=DT, help='length of a time step in seconds')
    return parse_model_arguments(parser, argv)


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


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> NirReport:
    """Export.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The report.
    """
    args = parse_args(argv, prog)
    with report_errors(args.debug):
        _, model = open_model(args.config, args.checkpoint, args.cfg_options)
        try:
            report = export_nir(model, args.out, tuple(args.shape), args.dt)
        except ExportError as exc:
            raise UserError(str(exc)) from exc
    print_report(report)
    return report
