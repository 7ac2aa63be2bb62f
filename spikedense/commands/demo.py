"""Train and test a small spiking segmenter on a generated data set: ``spikedense demo``."""

import argparse
import time
from pathlib import Path

from spikedense.apis import test, train
from spikedense.errors import UserError
from spikedense.report.panels import draw_test_images

from .command import command

CONFIG = 'spike2former_sdtv3-demo_1xb8-260i_demo-128x128'
WORK_DIR = 'work_dirs/demo'


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('--config', default=CONFIG, help=f'config ({CONFIG})')
    parser.add_argument('--work-dir', default=WORK_DIR, help=f'folder of all outputs ({WORK_DIR})')
    parser.add_argument('--seed', type=int, default=0, help='seed of the run (0)')


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> None:
    """Run the demo."""
    start = time.perf_counter()
    pictures, panels = Path(args.work_dir, 'overlays'), Path(args.work_dir, 'panels.png')
    print(f'1/2 training: spikedense train {args.config} --work-dir {args.work_dir}')
    checkpoint = train(args.config, work_dir=args.work_dir, seed=args.seed)
    if checkpoint is None:
        raise UserError(f"the training of '{args.config}' left no checkpoint to test")
    print(f'2/2 testing: spikedense test {args.config} {checkpoint} --show-dir {pictures}')
    metrics = test(
        args.config, checkpoint, work_dir=args.work_dir, show_dir=str(pictures), seed=args.seed
    )
    draw_test_images(args.config, checkpoint, panels)
    print(f'\nmIoU {metrics["mIoU"]:.2f} after {time.perf_counter() - start:.0f} s')
    print(f'three images, their classes and where neurons fire: {panels}')
    print(f'all pictures (image, truth, prediction): {pictures}')
