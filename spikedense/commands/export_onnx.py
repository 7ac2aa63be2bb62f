"""Export a model to ONNX: ``spikedense export onnx CONFIG [CHECKPOINT] --out FOLDER``.

The model must have one time step. The folder's manifest.json lists the parts that stay in Python.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from spikedense.deploy.onnx_export import OPSETS, ExportError, export_onnx
from spikedense.errors import UserError
from spikedense.inference.model import describe, open_model

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
    parser.add_argument('--out', type=Path, required=True, help='folder, new or empty')
    parser.add_argument(
        '--shape', nargs=2, type=int, default=(512, 512), metavar=('HEIGHT', 'WIDTH')
    )
    parser.add_argument('--opset', type=int, choices=OPSETS, default=OPSETS[0])
    return parse_model_arguments(parser, argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> list[Path]:
    """Export.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The files.
    """
    args = parse_args(argv, prog)
    with report_errors(args.debug):
        cfg, model = open_model(args.config, args.checkpoint, args.cfg_options)
        describe(cfg, model, args.checkpoint)
        try:
            files = export_onnx(model, args.out, tuple(args.shape), args.opset)
        except ExportError as exc:
            raise UserError(str(exc)) from exc
    for file in files:
        print(f'{file} ({file.stat().st_size / 1e6:.1f} MB)')
    return files
