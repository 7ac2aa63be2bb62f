"""Export a model to ONNX: ``tools/deployment/export_onnx.py CONFIG [CHECKPOINT] --out FOLDER``.

The model must have one time step. The folder's manifest.json lists the parts that stay in Python.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from spikedense.commands import report_errors
from spikedense.commands.arguments import add_model_arguments
from spikedense.deploy.onnx_export import OPSETS, ExportError, export_onnx
from spikedense.errors import UserError
from spikedense.inference.model import describe, open_model


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_model_arguments(parser)
    parser.add_argument('--out', type=Path, required=True, help='folder, new or empty')
    parser.add_argument(
        '--shape', nargs=2, type=int, default=(512, 512), metavar=('HEIGHT', 'WIDTH')
    )
    parser.add_argument('--opset', type=int, choices=OPSETS, default=OPSETS[0])
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> list[Path]:
    """Export.

    Args:
        argv: The words after the program's name.

    Returns:
        The files.
    """
    args = parse_args(argv)
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


if __name__ == '__main__':
    main()
