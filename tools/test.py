"""Test a checkpoint of mmseg, mmdet or mmpretrain: ``tools/test.py CONFIG CHECKPOINT``."""

import argparse
from collections.abc import Sequence

from spikedense.apis import report_errors, test
from spikedense.apis.config_options import OptionsAction
from spikedense.apis.environment import LAUNCHERS, is_first_process


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(description='Test a checkpoint.')
    parser.add_argument('config', help='path of a config, or name of a shipped one')
    parser.add_argument('checkpoint', help='path or address of a checkpoint')
    parser.add_argument('--work-dir', help='logs and metrics (work_dirs/<config name>)')
    parser.add_argument('--show-dir', help='draw the predictions into this folder')
    parser.add_argument(
        '--tta', action='store_true', help="average over flipped (or the config's own) copies"
    )
    parser.add_argument(
        '--out', help='keep the predictions: a folder of label maps (mmseg), else a .pkl file'
    )
    parser.add_argument('--amp', action='store_true', help='predict in mixed precision')
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
    parser.add_argument(
        '--partial', action='store_true', help='accept a checkpoint that lacks weights'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    # torch.distributed.launch hands this to each process; torchrun uses the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Test.

    Args:
        argv: The words after the program's name.

    Returns:
        The metrics.
    """
    args = parse_args(argv)
    with report_errors(args.debug):
        metrics = test(
            args.config,
            args.checkpoint,
            work_dir=args.work_dir,
            show_dir=args.show_dir,
            tta=args.tta,
            out=args.out,
            amp=args.amp,
            cfg_options=args.cfg_options,
            launcher=args.launcher,
            seed=args.seed,
            deterministic=args.deterministic,
            partial=args.partial,
        )
    for what, where in (('pictures', args.show_dir), ('predictions', args.out)):
        if where is not None and is_first_process():
            print(f'{what}: {where}')
    return metrics


if __name__ == '__main__':
    main()
