"""Command-line arguments that several commands share."""

import argparse
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction

from spikedense.analysis.energy import ATTENTION, MODES, EnergySettings
from spikedense.apis.environment import LAUNCHERS
from spikedense.models.layers.attention import ORDERS
from spikedense.utils.config_path import shipped_weights

from .option_values import has_dict, read_value


class OptionsAction(DictAction):
    """mmengine's ``KEY=VALUE`` action, with dictionaries as values and errors of one sentence."""

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        """Read a value; mmengine calls this method by its name."""
        return read_value(val) if has_dict(val) else DictAction._parse_iterable(val)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Parse the values, or exit with an error of argparse.

        Args:
            parser: Prints the error.
            namespace: Gets the dictionary of keys and values.
            values: The words after the option.
            option_string: The option as the user wrote it.
        """
        for word in values or ():
            if '=' not in word or word.startswith('='):
                parser.error(f"{option_string} takes KEY=VALUE, not '{word}'")
            try:
                super().__call__(parser, namespace, [word], option_string)
            # mmengine never ends with a comma inside of brackets that follow a word: "f(1,2)".
            except (AssertionError, RecursionError, ValueError) as exc:
                reason = 'this value cannot be read' if isinstance(exc, RecursionError) else exc
                parser.error(
                    f'{option_string} {word}: {reason}; a list of dicts needs quotes, as in '
                    "\"KEY=[dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]\""
                )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a training or a test: config, folder, launcher, seed and others.

    Args:
        parser: The parser of ``spikedense train`` or ``spikedense test``.
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
    parser.add_argument('--seed', type=int, help='seed of all random numbers')
    parser.add_argument(
        '--deterministic', action='store_true', help='ask for deterministic algorithms'
    )
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument(
        '--check',
        choices=('sample', 'all'),
        default='sample',
        help='which images and label maps are opened before the run: 64 of each set, or all',
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    # torch.distributed.launch gives this to each process; torchrun uses the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)


def add_model_arguments(parser: argparse.ArgumentParser, checkpoint_needed: bool = False) -> None:
    """Add the arguments that name a model: config, checkpoint and options.

    Args:
        parser: The parser of a tool that analyses or exports a model.
        checkpoint_needed: Whether the checkpoint is required; else the weights may be random.
            Parse by :func:`parse_model_arguments`, which knows the models with shipped weights.
    """
    parser.add_argument('config', help='config file, or the name of a shipped one')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='weights' if checkpoint_needed else 'weights; by default random ones',
    )
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, help='key=value')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    parser.set_defaults(checkpoint_needed=checkpoint_needed)


def parse_model_arguments(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None
) -> argparse.Namespace:
    """Parse the arguments of a parser with :func:`add_model_arguments`.

    Args:
        parser: The parser.
        argv: The words; None means those of the process.

    Returns:
        The arguments. The checkpoint of a model that ships with its weights is that one, if no
        other is named.
    """
    args = parser.parse_args(argv)
    shipped = shipped_weights(args.config)
    if args.checkpoint is None and shipped is not None:
        args.checkpoint = str(shipped)
    if args.checkpoint is None and args.checkpoint_needed:
        parser.error('the following arguments are required: checkpoint')
    return args


def add_energy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how operations are counted; see :func:`energy_settings`.

    Args:
        parser: The parser of a tool that reports energy.
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
        '--spikingjelly', action='store_true', help="run SpikingJelly's energy models too"
    )


def energy_settings(args: argparse.Namespace) -> EnergySettings:
    """Return the settings that the arguments of :func:`add_energy_arguments` ask for.

    Args:
        args: The parsed arguments.
    """
    return EnergySettings(
        mode=args.mode,
        attention=args.attention,
        stem_times_T=not args.stem_once,
        merged=not args.unmerged,
        separable=args.merge_separable,
        order=args.order,
    )
