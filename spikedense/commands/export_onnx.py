"""Export a model to ONNX: ``spikedense export onnx CONFIG [CHECKPOINT] --out FOLDER``.

The model must have one time step. The folder's manifest.json lists the parts that stay in Python.
"""

import argparse
from pathlib import Path

from spikedense.checks.checkpoint import given_or_found
from spikedense.deploy.onnx_export import OPSETS, export_onnx
from spikedense.inference.model import describe, open_model

from .arguments import add_model_arguments, add_shape_argument
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_model_arguments(parser)
    parser.add_argument('--out', type=Path, required=True, help='folder, new or empty')
    add_shape_argument(parser, (512, 512))
    parser.add_argument('--opset', type=int, choices=OPSETS, default=OPSETS[0])


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> list[Path]:
    """Export.

    Returns:
        The files.
    """
    checkpoint = given_or_found(args.config, args.checkpoint)
    cfg, model = open_model(args.config, checkpoint, args.cfg_options)
    describe(cfg, model, checkpoint)
    files = export_onnx(model, args.out, tuple(args.shape), args.opset)
    for file in files:
        print(f'{file} ({file.stat().st_size / 1e6:.1f} MB)')
    return files
