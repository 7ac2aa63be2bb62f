"""Print a config with its bases and options merged: ``spikedense print-config CONFIG``."""

import argparse
from pathlib import Path

from mmengine.config import Config

from spikedense.checks.config import open_config
from spikedense.checks.out_file import check_out_file

from .arguments import add_config_arguments
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config_arguments(parser)
    parser.add_argument('--out', type=Path, help='write a config file (.py) and print nothing')


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> Config:
    """Print the config, or write it to a file.

    Returns:
        The config.
    """
    check_out_file('--out', args.out, '.py', inputs=[args.config])
    cfg = open_config(args.config, args.cfg_options)
    if args.out is None:
        print(cfg.pretty_text, end='')
    else:
        cfg.dump(args.out)
        print(f'config: {args.out}')
    return cfg
