"""The `spikedense` command: sub-commands that need no config and no checkout."""

import argparse
from collections.abc import Sequence

from . import doctor
from .version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments; None means the arguments of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog='spikedense', description='Spiking dense prediction.')
    parser.add_argument('--version', action='version', version=f'spikedense {__version__}')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser('doctor', help='what is installed, what is wrong, how to mend it')
    parser.parse_args(argv)
    return doctor.run()
