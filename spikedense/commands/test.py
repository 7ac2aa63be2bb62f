"""Test a checkpoint of mmseg, mmdet or mmpretrain: ``spikedense test CONFIG CHECKPOINT``.

A name of a shipped config needs no CHECKPOINT if its weights are at hand, see docs/inference.md.
"""

import argparse

from spikedense.apis import test
from spikedense.apis.environment import is_first_process
from spikedense.checks.checkpoint import checkpoint_for

from .arguments import add_run_arguments
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run_arguments(parser)
    parser.add_argument(
        'checkpoint', nargs='?', help='path or address of a checkpoint (the one for the name)'
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help="average over copies of each image: flipped, or the config's",
    )
    parser.add_argument(
        '--out', help='write the predictions: a folder of label maps (mmseg), or a .pkl file'
    )
    parser.add_argument(
        '--partial',
        action='store_true',
        help='accept a checkpoint that fits a part of the model, or of other settings (D, T, ...)',
    )
    parser.add_argument(
        '--firing-rates', metavar='FILE', help='write how often each neuron fires, as JSON or CSV'
    )
    parser.add_argument(
        '--spike-inference',
        action='store_true',
        help='test the spike-driven twin: binary spikes over T x D steps (docs/energy.md)',
    )


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> dict[str, float]:
    """Test.

    Returns:
        The metrics.
    """
    metrics = test(
        args.config,
        args.checkpoint or checkpoint_for(args.config, None),
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
