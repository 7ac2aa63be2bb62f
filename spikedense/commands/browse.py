"""Draw images after augmentation, with their labels: ``spikedense browse CONFIG``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmengine.runner import set_random_seed

from spikedense.apis.browse import SETS, browse
from spikedense.checks.config import open_config

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
        prog=prog, description='Draw the images and labels that the network gets.'
    )
    parser.add_argument('config', help='path of a config, or name of a shipped one')
    parser.add_argument('--set', choices=SETS, default='train', help='the data set (train)')
    parser.add_argument('--number', type=int, default=16, help='largest number of samples (16)')
    parser.add_argument(
        '--show-dir', help='folder of the pictures (work_dirs/<config name>/browse_<set>)'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the augmentation (0)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='replace values of the config; +KEY=VALUE adds a key that is not known',
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> list[Path]:
    """Draw.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The pictures.
    """
    args = parse_args(argv, prog)
    with report_errors(args.debug):
        cfg = open_config(args.config, args.cfg_options)
        default = Path('work_dirs', Path(cfg.filename).stem, f'browse_{args.set}')
        show_dir = args.show_dir or str(default)
        set_random_seed(args.seed)
        files = list(browse(cfg, show_dir, args.set, args.number))
    print(f'pictures: {show_dir} ({len(files)})')
    return files
