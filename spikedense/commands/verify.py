"""Verify a checkpoint: does it give its stated metric, with integers and with spikes?

Both paths run over the test set of the config. Exit code: 0 if the stated metric holds and both
paths give the same, 1 if not, 2 after an error of the user.
"""

import argparse
from collections.abc import Sequence

from spikedense.apis.verify import Verification, verify
from spikedense.utils.wording import some_of

from .arguments import add_config_arguments
from .command import command

DIFFERENT = 1
_SHOWN = 10


class _Expected(argparse.Action):
    """``METRIC=NUMBER`` words as a dictionary of texts."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        pairs = [word.rpartition('=') for word in values or ()]
        wrong = [number for name, _, number in pairs if not name]
        if wrong:
            parser.error(f"{option_string} takes METRIC=NUMBER, not '{wrong[0]}'")
        setattr(namespace, self.dest, {name: number for name, _, number in pairs})


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='path of a checkpoint')
    parser.add_argument(
        '--expect',
        nargs='+',
        action=_Expected,
        metavar='METRIC=NUMBER',
        help='the stated metrics, as mIoU=60.2 (those in the metafile.yml beside the config)',
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        help='largest difference from a stated number (one unit of its last digit)',
    )
    parser.add_argument(
        '--float32',
        action='store_true',
        help='compute in float32: faster, but rounding can move a potential over a threshold',
    )
    parser.add_argument('--work-dir', help='folder of the logs (work_dirs/<config name>/verify)')


def print_verification(found: Verification) -> None:
    """Print what a check has found.

    Args:
        found: The findings.
    """
    print(f'sha256: {found.sha256}')
    print(f'metrics over {found.images} image(s), in {found.precision}:')
    width = max(len(name) for name in ('metric', *found.metrics))
    print(f'  {"metric":<{width}}  {"integers":>10}  {"spikes":>10}')
    for name, (integers, spikes) in found.metrics.items():
        print(f'  {name:<{width}}  {integers:>10.6g}  {spikes:>10.6g}')
    for claim in found.claims:
        if claim.found is None:
            print(f'stated: {claim.metric} {claim.stated:g}, not measured by a test')
            continue
        word = 'holds' if claim.holds else 'DOES NOT HOLD'
        print(
            f'stated: {claim.metric} {claim.stated:g} in {claim.source}, found {claim.found:.6g}: '
            f'{word} (tolerance {claim.tolerance:g})'
        )
    print(f'images with different predictions: {len(found.differing)} of {found.images}')
    for image, what in list(found.differing.items())[:_SHOWN]:
        print(f'  {image}: {what}')
    if len(found.differing) > _SHOWN:
        print(f'  and {len(found.differing) - _SHOWN} more')


def _verdict(found: Verification) -> str:
    wrong = [] if found.as_stated else ['the stated metric does not hold']
    if not found.equal:
        wrong.append('integers and spikes give different results')
    return f'FAILED: {some_of(wrong)}' if wrong else 'verified'


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> Verification:
    """Verify, and print the findings.

    Returns:
        The findings, if the stated metric holds and both paths give the same.

    Raises:
        SystemExit: With code 1 if not, with code 2 after an error of the user.
    """
    found = verify(
        args.config,
        args.checkpoint,
        expect=args.expect,
        tolerance=args.tolerance,
        float32=args.float32,
        work_dir=args.work_dir,
        cfg_options=args.cfg_options,
    )
    print_verification(found)
    print(_verdict(found))
    if not (found.equal and found.as_stated):
        raise SystemExit(DIFFERENT)
    return found
