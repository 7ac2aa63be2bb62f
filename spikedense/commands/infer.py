"""Predict on images with a model of mmseg or mmdet.

A model by name (demo, spikedense/NAME) needs no WEIGHTS, an exported folder (--onnx) no CONFIG. The
weights for a name ship with the package, or lie in the folder weights/ ($SPIKEDENSE_WEIGHTS).
"""

import argparse
from pathlib import Path

from spikedense.errors import UserError
from spikedense.inference import open_inferencer, open_onnx_inferencer
from spikedense.utils.config_path import SCOPE, SHIPPED_MODELS

from .arguments import add_cfg_options
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.usage = (
        '%(prog)s [-h] CONFIG WEIGHTS INPUTS... [options]\n'
        '       %(prog)s demo INPUTS... [options]\n'
        '       %(prog)s spikedense/NAME INPUTS... [options]\n'
        '       %(prog)s --onnx FOLDER INPUTS... [options]'
    )
    # argparse fills the three in this order; `_model_and_inputs` says what the words are.
    parser.add_argument('config', nargs='?', help='path of a config, or name of a shipped one')
    parser.add_argument('weights', nargs='?', help='path of a checkpoint that fits the config')
    parser.add_argument('inputs', nargs='*', help='images, folders of images or frames, patterns')
    parser.add_argument(
        '--onnx', metavar='FOLDER', help='predict with an exported folder by ONNX Runtime'
    )
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
        '--skip-bad', action='store_true', help='leave out files that cannot be read, and name them'
    )
    add_cfg_options(parser)


def _stands_alone(word: str) -> bool:
    """Tell whether a word names a model together with its weights."""
    return word in SHIPPED_MODELS or (word.startswith(f'{SCOPE}/') and not Path(word).is_file())


def _model_and_inputs(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Split the words that are no options.

    Args:
        args: The parsed arguments.

    Returns:
        The words that name the model (config and weights, the config alone, or none), and the
        inputs, at least one.

    Raises:
        UserError: There is no input.
    """
    words = [word for word in (args.config, args.weights, *args.inputs) if word is not None]
    names = ['CONFIG', 'WEIGHTS']
    if args.onnx is not None:
        names = []
    elif words and _stands_alone(words[0]):
        names = words[:1]
    if len(words) <= len(names):
        found = f"'{' '.join(words)}'" if words else 'none of them'
        raise UserError(f'expected the words {" ".join([*names, "INPUTS..."])}, found {found}')
    return words[: len(names)], words[len(names) :]


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> int:
    """Predict.

    Returns:
        The number of images.
    """
    options = {} if args.score_thr is None else {'score_thr': args.score_thr}
    model, inputs = _model_and_inputs(args)
    if args.onnx is None:
        inferencer = open_inferencer(*model, device=args.device, cfg_options=args.cfg_options)
    elif args.device or args.cfg_options:
        raise UserError('--onnx takes no --device and no --cfg-options: it has no config')
    else:
        inferencer = open_onnx_inferencer(args.onnx)
    # A folder has no suffix: `net.v1` and `net.v2` are two exports.
    name = Path(args.onnx).resolve().name if args.onnx else Path(inferencer.cfg.filename).stem
    out_dir = Path(args.out_dir or Path('work_dirs', name, 'inference'))
    predictions = inferencer.predict(
        inputs,
        out_dir=out_dir,
        batch_size=args.batch_size,
        overlays=not args.no_overlays,
        json=not args.no_json,
        skip_bad=args.skip_bad,
        **options,
    )
    number = sum(1 for _ in predictions)
    print(f'images: {number}')
    if inferencer.left_out:
        print(f'left out: {len(inferencer.left_out)} files that cannot be read')
    if not args.no_overlays:
        print(f'pictures: {out_dir / "overlays"}')
    if not args.no_json:
        print(f'predictions: {out_dir / "predictions"}')
    return number
