"""The command-line arguments that training and testing have in common."""

import argparse

from .config_options import OptionsAction
from .environment import LAUNCHERS


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what every run of a config takes.

    Args:
        parser: Of ``tools/train.py`` or ``tools/test.py``; the config stands first.
    """
    parser.add_argument('config', help='path of a config, or name of a shipped one')
    parser.add_argument(
        '--work-dir', help='logs, metrics and checkpoints (work_dirs/<config name>)'
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
    parser.add_argument('--show-dir', help='draw the predictions of val or test images into it')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    # torch.distributed.launch hands this to each process; torchrun uses the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
