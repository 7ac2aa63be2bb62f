"""Train a config of mmseg, mmdet or mmpretrain: ``tools/train.py CONFIG``."""

import argparse
from collections.abc import Sequence

from spikedense.apis import report_errors, train
from spikedense.apis.config_options import OptionsAction
from spikedense.apis.environment import LAUNCHERS, is_first_process


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='path of a config, or name of a shipped one')
    parser.add_argument('--work-dir', help='logs and checkpoints (work_dirs/<config name>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|PATH',
        help='go on from a checkpoint; without a path from the newest in the work dir',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='replace values of the config; +KEY=VALUE adds a key that is not known',
    )
    parser.add_argument(
        '--launcher', choices=LAUNCHERS, default='none', help='how the processes were started'
    )
    parser.add_argument('--seed', type=int, help='seed of everything random')
    parser.add_argument(
        '--deterministic', action='store_true', help='ask for deterministic algorithms'
    )
    parser.add_argument('--show-dir', help='draw validation images into this folder')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    # torch.distributed.launch hands this to each process; torchrun uses the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Train.

    Args:
        argv: The words after the program's name.
    """
    args = parse_args(argv)
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
        )
    if checkpoint is not None and is_first_process():
        print(f'last checkpoint: {checkpoint}')


if __name__ == '__main__':
    main()
