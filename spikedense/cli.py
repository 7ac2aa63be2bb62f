"""The `spikedense` command: one sub-command for each module of `spikedense.commands`.

A module is imported when its command runs. So `spikedense --help` imports neither torch nor an mm
library, and `spikedense doctor` starts where they do not import.
"""

import argparse
import difflib
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from . import doctor
from .version import __version__

#: The words of a command -> its module in `spikedense.commands`, and what the command does.
COMMANDS = {
    'demo': ('demo', 'train and test a small model on a generated data set'),
    'train': ('train', 'train a config'),
    'test': ('test', 'test a checkpoint: metrics, pictures, firing rates'),
    'infer': ('infer', 'predict on images'),
    'browse': ('browse', 'draw the images and labels that the network gets'),
    'print-config': ('print_config', 'print a config with its bases and options merged'),
    'energy': ('energy', 'count and price the operations of a model'),
    'distance': ('distance', 'measure how far the attentions of a model look'),
    'erf': ('erf', 'measure the receptive fields of layers, in space and time'),
    'report': ('report', 'write one page with accuracy, energy and firing rates'),
    'benchmark': ('benchmark', 'measure the time and the memory of a config'),
    'plot-curves': ('plot_curves', 'draw the learning curves of runs'),
    'spike-inference': ('spike_inference', 'compare a model with its spike-driven twin'),
    'export onnx': ('export_onnx', 'export a model to ONNX'),
    'verify': ('verify', 'check the metric of a checkpoint, and its spike-driven twin'),
    'export nir': ('export_nir', 'export convolutions and neurons to NIR'),
    'convert': ('convert', 'convert an official checkpoint'),
    'publish': ('publish', 'write the weights of a checkpoint for other people'),
    'make-demo': ('make_demo', 'write the generated data set'),
    'make-patches': ('make_patches', 'write a small classification set'),
}
_DOCTOR = 'what is installed, what works, how to mend the rest'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments; None means the arguments of the process.

    Returns:
        The exit code.
    """
    lines = {**{name: what for name, (_, what) in COMMANDS.items()}, 'doctor': _DOCTOR}
    parser = argparse.ArgumentParser(
        prog='spikedense',
        usage='spikedense [--version] COMMAND ...',
        description='Spiking dense prediction.',
        epilog='commands (spikedense COMMAND --help lists the options of a command):\n'
        + '\n'.join(f'  {name:<17}{what}' for name, what in lines.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'spikedense {__version__}')
    parser.add_argument('words', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    words = parser.parse_args(argv).words
    # A command has one word or two.
    name = next((' '.join(words[:n]) for n in (2, 1) if ' '.join(words[:n]) in lines), None)
    if name is None:
        parser.error(_unknown(words, list(lines)))
    rest = words[len(name.split()) :]
    if name == 'doctor':
        return doctor.main(rest, 'spikedense doctor')
    # A command that fails raises `SystemExit`; what it returns is for callers in Python.
    command(name)(rest, f'spikedense {name}')
    return 0


def command(name: str) -> Callable[..., Any]:
    """Return the function of a command, which imports the module of the command when it is called.

    Args:
        name: The words of the command.

    Returns:
        A function of ``argv``, the words after the name, and of ``prog``, the program's name in the
        help; by default both are those of the process. It returns what the command returns.
    """

    def main(argv: Sequence[str] | None = None, prog: str | None = None) -> Any:
        # Imported here, because `--help` and `doctor` need no torch.
        from .commands import report_errors

        with report_errors():
            module = import_module(f'{__package__}.commands.{COMMANDS[name][0]}')
        return module.main(argv, prog)

    return main


def _unknown(words: Sequence[str], names: list[str]) -> str:
    """Say that the words name no command, and which commands are near."""
    if not words:
        return 'expected a command; spikedense --help lists them'
    near = [name for name in names if name.split()[0] == words[0]]
    near = near or difflib.get_close_matches(words[0], names, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(near)}?' if near else 'spikedense --help lists them'
    return f"unknown command '{words[0]}'; {hint}"
