"""Draw images after augmentation, with their labels: ``spikedense browse CONFIG``."""

import argparse
from pathlib import Path

from mmengine.runner import set_random_seed

from spikedense.apis.browse import SETS, browse
from spikedense.checks.config import open_config

from .arguments import add_config_arguments
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config_arguments(parser)
    parser.add_argument('--set', choices=SETS, default='train', help='the data set (train)')
    parser.add_argument('--number', type=int, default=16, help='largest number of samples (16)')
    parser.add_argument(
        '--show-dir', help='folder of the pictures (work_dirs/<config name>/browse_<set>)'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the augmentation (0)')


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> list[Path]:
    """Draw.

    Returns:
        The pictures.
    """
    cfg = open_config(args.config, args.cfg_options)
    default = Path('work_dirs', Path(cfg.filename).stem, f'browse_{args.set}')
    show_dir = args.show_dir or str(default)
    set_random_seed(args.seed)
    files = list(browse(cfg, show_dir, args.set, args.number))
    print(f'pictures: {show_dir} ({len(files)})')
    return files
