"""Train a config of mmseg, mmdet or mmpretrain: ``spikedense train CONFIG``."""

import argparse
from collections.abc import Sequence

from spikedense.apis import train
from spikedense.apis.environment import is_first_process

from .arguments import add_run_arguments
from .errors import report_errors


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(prog=prog, description='Train a model.')
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|PATH',
        help='continue from a checkpoint; without a path, from the newest one of the work dir',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="multiply the learning rate by the batch size over all processes / the config's",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Train.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.
    """
    args = parse_args(argv, prog)
    with report_errors(args.debug):
        checkpoint = train(
            args.config,
            work_dir=args.work_dir,
            resume=args.resume,
            amp=args.amp,
            cfg_options=args.cfg_options,
            launcher=args.launcher,
            seed=args.seed,
            deterministic=args.deterministic,
            show_dir=args.show_dir,
            check=args.check,
            auto_scale_lr=args.auto_scale_lr,
        )
    if checkpoint is not None and is_first_process():
        print(f'last checkpoint: {checkpoint}')
