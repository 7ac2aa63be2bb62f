"""Compare a model with its spike-driven twin: ``spikedense spike-inference CONFIG [CHECKPOINT]``.

The tool prints which foldings could not be done, the largest difference of the outputs, and which
multiplications of two real values are left in the twin.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from spikedense.checks.checkpoint import given_or_found
from spikedense.checks.out_file import check_out_file
from spikedense.deploy import (
    RealMultiplication,
    real_multiplications,
    save_twin,
    to_spike_inference,
)
from spikedense.errors import UserError
from spikedense.inference.model import open_model
from spikedense.inference.sized_images import images_of
from spikedense.tracing import network_outputs
from spikedense.weights import read_checkpoint

from .arguments import add_model_arguments, add_shape_argument
from .command import command

PLACES = 5


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_model_arguments(parser)
    add_shape_argument(parser, (256, 256))
    parser.add_argument('--image', help='image to compare on; by default normal noise')
    parser.add_argument('--save', type=Path, help="file for the twin's checkpoint, *.pth")


def print_multiplications(found: Sequence[RealMultiplication]) -> None:
    """Print multiplications by operation and kind, with the modules that have most of them."""
    groups: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for x in found:
        groups[x.operation, x.kind][x.module] += x.times
    print('multiplications without a spiking factor, an image:' if groups else 'none is left')
    for (operation, kind), places in sorted(groups.items(), key=lambda g: -sum(g[1].values())):
        print(f'  {operation}, {kind}: {sum(places.values()):,.0f} in {len(places)} place(s)')
        for module, times in sorted(places.items(), key=lambda place: -place[1])[:PLACES]:
            print(f'    {times:>14,.0f}  {module}')


@command(__doc__, _add_arguments)
@torch.no_grad()
def main(args: argparse.Namespace) -> dict[str, Any]:
    """Build the twin and compare it with the model.

    Returns:
        ``foldings``, ``max_difference`` and ``multiplications``.
    """
    checkpoint = given_or_found(args.config, args.checkpoint)
    check_out_file('--save', args.save, inputs=[args.config, checkpoint])
    cfg, model = open_model(args.config, checkpoint, args.cfg_options)
    batches, source = images_of(cfg, model, tuple(args.shape), 1, args.image or 'random')
    images = next(iter(batches))
    try:
        twin, foldings = to_spike_inference(model, images)
    except ValueError as exc:
        raise UserError(str(exc)) from exc
    # Both second stages read the same boxes, because a rounding may change a proposal.
    boxes = images.new_tensor([[0, 0, args.shape[1], args.shape[0]]])
    pairs = zip(
        network_outputs(model, images, boxes),
        network_outputs(twin, images, boxes),
        strict=True,
    )
    difference = max(float((a - b).abs().max()) for a, b in pairs)
    multiplications = real_multiplications(twin, images)
    if args.save is not None:
        content = {} if checkpoint is None else read_checkpoint(checkpoint)
        save_twin(twin, args.save, content.get('meta'))
    print(f'compared on {source}')
    failed = [folding for folding in foldings if folding.reason is not None]
    print(f'foldings: {len(foldings) - len(failed)} done, {len(failed)} not')
    for folding in failed:
        print(f'  {folding.what}, {folding.where}: {folding.reason}')
    print(f'largest difference of the outputs: {difference:.3g}')
    print_multiplications(multiplications)
    if args.save is not None:
        print(f'the checkpoint of the twin, for test and infer: {args.save}')
    return dict(foldings=foldings, max_difference=difference, multiplications=multiplications)
