"""Write the weights of a checkpoint for other people, without anything of the training.

The file holds the weights (of a run with a moving average the averaged ones), the names of the
classes, the config of the model and its neurons, and no path of a machine. The format is that of
the suffix: .safetensors, or .pth with tensors and plain values. The first eight digits of the
file's sha256 become part of its name.
"""

import argparse
from pathlib import Path

from spikedense.apis.publish import publish

from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('checkpoint', help='path of a checkpoint, also of a spike-driven twin')
    parser.add_argument('target', type=Path, help='NAME.safetensors or NAME.pth')
    parser.add_argument(
        '--config', help='config of the weights, if the checkpoint does not hold it'
    )


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> None:
    """Publish. Weights that are not finite are refused, and nothing is written."""
    published = publish(args.checkpoint, args.target, args.config)
    print(f'{published.tensors} tensors written to {published.path}')
    print(f'sha256: {published.sha256}')
    print(f'facts: {", ".join(published.meta)}')
