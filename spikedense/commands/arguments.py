"""Command-line arguments that several commands share."""

import argparse
import re
from typing import Any

from mmengine.config import DictAction

from spikedense.analysis.energy import ATTENTION, MODES, EnergySettings
from spikedense.apis.environment import LAUNCHERS
from spikedense.models.layers.attention import ORDERS

from .option_values import has_dict, read_value

#: Blanks inside of a word, not beside a comma or a bracket.
_INNER_BLANK = re.compile(r'(?<=[^\s,()\[\]]) +(?=[^\s,()\[\]])')
_BLANK = '\0'


def _with_blanks(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_with_blanks(one) for one in value)
    return value.replace(_BLANK, ' ') if isinstance(value, str) else value


class OptionsAction(DictAction):
    """mmengine's ``KEY=VALUE`` action, with dictionaries as values and errors of one sentence."""

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        """Read a value; mmengine calls this method by its name."""
        if has_dict(val):
            return read_value(val)
        # mmengine removes all blanks, those inside of paths and names too.
        kept = _INNER_BLANK.sub(lambda match: match[0].replace(' ', _BLANK), val)
        return _with_blanks(DictAction._parse_iterable(kept))

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


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments ``config`` and ``--cfg-options``.

    Args:
        parser: The parser of a command that reads a config.
    """
    parser.add_argument('config', help='path of a config, or name of a shipped one')
    add_cfg_options(parser)


def add_cfg_options(
    parser: argparse.ArgumentParser,
    option: str = '--cfg-options',
    what: str = 'replace values of the config; +KEY=VALUE adds a key that is not known',
) -> None:
    """Add an option with values that replace those of a config.

    Args:
        parser: The parser of a command that reads a config.
        option: The name of the option.
        what: The help of the option.
    """
    parser.add_argument(option, nargs='+', action=OptionsAction, metavar='KEY=VALUE', help=what)


def add_shape_argument(
    parser: argparse.ArgumentParser,
    default: tuple[int, int] | None,
    option: str = '--shape',
    what: str = 'size of the images',
) -> None:
    """Add an option with a height and a width.

    Args:
        parser: The parser of a command that makes or reads images of one size.
        default: The height and the width without the option.
        option: The name of the option.
        what: The help of the option, without the default.
    """
    parser.add_argument(
        option,
        nargs=2,
        type=int,
        default=default,
        metavar=('HEIGHT', 'WIDTH'),
        help=what if default is None else f'{what} ({default[0]} {default[1]})',
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a training or a test: config, folder, launcher, seed and others.

    Args:
        parser: The parser of ``spikedense train`` or ``spikedense test``.
    """
    add_config_arguments(parser)
    parser.add_argument(
        '--work-dir', help='logs, metrics and checkpoints (work_dirs/<config name>)'
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU'
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
    # torch.distributed.launch gives this to each process; torchrun uses the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)


def add_model_arguments(
    parser: argparse.ArgumentParser, without: str = 'those at hand for the name, else random'
) -> None:
    """Add the arguments that name a model: config, options and checkpoint.

    The checkpoint is None without the argument; see ``spikedense.checks.checkpoint``.

    Args:
        parser: The parser of a command that analyses or exports a model.
        without: Which weights the command takes without a checkpoint.
    """
    add_config_arguments(parser)
    parser.add_argument('checkpoint', nargs='?', help=f'weights ({without})')


def add_images_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for :func:`spikedense.inference.sized_images.images_of`.

    Args:
        parser: The parser of a command that analyses a model on images of one size.
    """
    add_shape_argument(parser, (512, 512))
    parser.add_argument('--num-images', type=int, default=10, help='largest number of images')
    parser.add_argument(
        '--data', help="test (the config's test set), random, or a file, folder or pattern"
    )


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
