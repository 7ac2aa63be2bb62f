"""Test a checkpoint of mmseg, mmdet or mmpretrain: ``spikedense test CONFIG CHECKPOINT``."""

import argparse
from collections.abc import Sequence

from spikedense.apis import test
from spikedense.apis.environment import is_first_process

from .arguments import add_run_arguments
from .errors import report_errors


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        argv: The words after the program's name; by default those of the process.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The arguments.
    """
    parser = argparse.ArgumentParser(prog=prog, description='Test a checkpoint.')
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='path or address of a checkpoint')
    parser.add_argument(
        '--tta',
        action='store_true',
        help="average over copies of each image: flipped, or the config's",
    )
    parser.add_argument(
        '--out', help='write the predictions: a folder of label maps (mmseg), or a .pkl file'
    )
    parser.add_argument(
        '--partial', action='store_true', help='accept a checkpoint that fits a part of the model'
    )
    parser.add_argument(
        '--firing-rates', metavar='FILE', help='write how often each neuron fires, as JSON or CSV'
    )
    parser.add_argument(
        '--spike-inference',
        action='store_true',
        help='test the spike-driven twin: binary spikes over T x D steps (docs/energy.md)',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> dict[str, float]:
    """Test.

    Args:
        argv: The words after the program's name.
        prog: The program's name in the help; by default that of the process.

    Returns:
        The metrics.
    """
    args = parse_args(argv, prog)
    with report_errors(args.debug):
        metrics = test(
            args.config,
            args.checkpoint,
            work_dir=args.work_dir,
            show_dir=args.show_dir,
            check=args.check,
            tta=args.tta,
            out=args.out,
            amp=args.amp,
            cfg_options=args.cfg_options,
            launcher=args.launcher,
            seed=args.seed,
            deterministic=args.deterministic,
            partial=args.partial,
            firing_rates=args.firing_rates,
            spike_inference=args.spike_inference,
        )
    for what, where in (
        ('pictures', args.show_dir),
        ('predictions', args.out),
        ('firing rates', args.firing_rates),
    ):
        if where is not None and is_first_process():
            print(f'{what}: {where}')
    return metrics
