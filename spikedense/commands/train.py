"""Train a config of mmseg, mmdet or mmpretrain: ``spikedense train CONFIG``."""

import argparse

from spikedense.apis import train
from spikedense.apis.environment import is_first_process
from spikedense.apis.work_dir import NEWEST

from .arguments import add_run_arguments
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const=NEWEST,
        metavar='auto|PATH',
        help='continue from a checkpoint; without a path, from the newest whole one of the work '
        'dir; with the word auto, also start anew in a work dir without a checkpoint',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="multiply the learning rate by the batch size over all processes / the config's",
    )


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> None:
    """Train."""
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
