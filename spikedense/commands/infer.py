"""Predict with a model of mmseg or mmdet: ``spikedense infer CONFIG WEIGHTS INPUTS...``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from spikedense.errors import UserError
from spikedense.inference import open_inferencer, open_onnx_inferencer
from spikedense.utils.config_path import SHIPPED_MODELS

from .arguments import OptionsAction
from .errors import report_errors


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(prog=prog, description='Predict on images.')
    words = list(sys.argv[1:] if argv is None else argv)
    parser.add_argument(
        '--onnx',
        metavar='FOLDER',
        help='predict with an exported folder by ONNX Runtime: --onnx FOLDER inputs..., without '
        'config and weights',
    )
    if not any(word.partition('=')[0] == '--onnx' for word in words):
        parser.add_argument(
            'config', help="path of a config, name of a shipped one, or 'demo' (without weights)"
        )
        if not {*words[:1]} & SHIPPED_MODELS.keys():
            parser.add_argument('weights', help='path of a checkpoint that fits the config')
    parser.add_argument('inputs', nargs='+', help='images, folders of images or frames, patterns')
    parser.add_argument(
        '--out-dir', help='folder of all output files (work_dirs/<config name>/inference)'
    )
    parser.add_argument('--device', help='cpu, cuda, cuda:1, ... (cuda if there is a GPU)')
    parser.add_argument('--batch-size', type=int, default=1, help='images in a forward pass')
    parser.add_argument(
        '--score-thr', type=float, help='leave out instances with a lower score (0.3)'
    )
    parser.add_argument('--no-overlays', action='store_true', help='draw no pictures')
    parser.add_argument('--no-json', action='store_true', help='write no JSON and no label maps')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='replace values of the config; +KEY=VALUE adds a key that is not known',
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Predict.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The number of images.
    """
    args = parse_args(argv, prog)
    options = {} if args.score_thr is None else {'score_thr': args.score_thr}
    with report_errors(args.debug):
        if args.onnx is None:
            inferencer = open_inferencer(
                args.config, getattr(args, 'weights', None), args.device, args.cfg_options
            )
        elif args.device or args.cfg_options:
            raise UserError('--onnx takes no --device and no --cfg-options: it has no config')
        else:
            inferencer = open_onnx_inferencer(args.onnx)
        # A folder has no suffix: `net.v1` and `net.v2` are two exports.
        name = Path(args.onnx).resolve().name if args.onnx else Path(inferencer.cfg.filename).stem
        out_dir = Path(args.out_dir or Path('work_dirs', name, 'inference'))
        predictions = inferencer.predict(
            args.inputs,
            out_dir=out_dir,
            batch_size=args.batch_size,
            overlays=not args.no_overlays,
            json=not args.no_json,
            **options,
        )
        number = sum(1 for _ in predictions)
    print(f'images: {number}')
    if not args.no_overlays:
        print(f'pictures: {out_dir / "overlays"}')
    if not args.no_json:
        print(f'predictions: {out_dir / "predictions"}')
    return number
