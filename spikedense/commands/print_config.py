"""Print a config with its bases and options merged: ``spikedense print-config CONFIG``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from spikedense.checks.config import open_config
from spikedense.checks.outputs import check_file
from spikedense.errors import UserError

from .arguments import OptionsAction
from .errors import report_errors


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(
        prog=prog, description='Print a config with its bases and options merged.'
    )
    parser.add_argument('config', help='path of a config, or name of a shipped one')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='replace values of the config; +KEY=VALUE adds a key that is not known',
    )
    parser.add_argument('--out', type=Path, help='write a config file (.py) and print nothing')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> Config:
    """Print the config, or write it to a file.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The config.
    """
    args = parse_args(argv, prog)
    with report_errors(args.debug):
        if args.out is not None and (args.out.suffix != '.py' or not args.out.parent.is_dir()):
            raise UserError(f"--out '{args.out}': expected a .py file in a folder that exists")
        cfg = open_config(args.config, args.cfg_options)
        if args.out is not None:
            check_file('--out', args.out, [cfg.filename])
        if args.out is None:
            print(cfg.pretty_text, end='')
        else:
            cfg.dump(args.out)
            print(f'config: {args.out}')
    return cfg
