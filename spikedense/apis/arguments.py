"""The command-line arguments that several tools have in common."""

import argparse

from spikedense.analysis.energy import ATTENTION, MODES
from spikedense.models.layers.attention import ORDERS

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


def add_model_arguments(parser: argparse.ArgumentParser, checkpoint_needed: bool = False) -> None:
    """Declare what opens a model: config, weights, options.

    Args:
        parser: Of a tool that analyses or exports a model.
        checkpoint_needed: Whether random weights would make no sense.
    """
    parser.add_argument('config', help='config file, or the name of a shipped one')
    parser.add_argument(
        'checkpoint',
        nargs=None if checkpoint_needed else '?',
        help='weights' if checkpoint_needed else 'weights; without them they are random',
    )
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, help='key=value')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')


def add_energy_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how operations are counted.

    Args:
        parser: Of a tool that reports energy.
    """
    parser.add_argument('--mode', choices=MODES, default='paper', help='see docs/energy.md')
    parser.add_argument('--attention', choices=ATTENTION, default='single')
    parser.add_argument('--order', choices=ORDERS, help='order of the attention products')
    parser.add_argument(
        '--unmerged', action='store_true', help='leave RepConvs as they are trained'
    )
    parser.add_argument(
        '--merge-separable', action='store_true', help="merge V2's separable convolutions too"
    )
    parser.add_argument(
        '--stem-once', action='store_true', help='count the first convolution once, not T times'
    )
    parser.add_argument(
        '--spikingjelly', action='store_true', help="SpikingJelly's energy models beside ours"
    )
