"""Pictures of predictions, one file for each image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement

from spikedense.registry import HOOKS

_READABLE = 300  # pixels of the shorter side


@HOOKS.register_module()
class OverlayHook(Hook):
    """Draw predictions over their images in validation and test, with the runner's visualizer.

    Pictures of a test go to ``out_dir/NAME.png``, pictures of a validation to
    ``out_dir/iter_N/NAME.png``. The visualizers of the libraries draw in the first process only,
    so only the images of the first process are drawn.

    Args:
        out_dir: Folder of the pictures. It is created when the first picture is written.
        max_val_images: Number of images that are drawn in a validation; a test draws all images.
    """

    priority = 'LOW'

    def __init__(self, out_dir: str, max_val_images: int = 16) -> None:
        self.out_dir = Path(out_dir)
        self.max_val_images = max_val_images
        self._written: set[Path] = set()
        self._drawn_in_val = 0

    def before_val_epoch(self, runner: Any) -> None:
        """Set the number of drawn images back to 0.

        Args:
            runner: The runner.
        """
        self._drawn_in_val = 0

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Draw the first images of a validation.

        Args:
            runner: The runner.
            batch_idx: Index of the batch.
            data_batch: The batch as loaded.
            outputs: Data samples with predictions.
        """
        wanted = outputs[: max(self.max_val_images - self._drawn_in_val, 0)]
        self._drawn_in_val += len(wanted)
        self._draw(runner, data_batch, wanted, self.out_dir / f'iter_{runner.iter}')

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Draw every image of a test.

        Args:
            runner: The runner.
            batch_idx: Index of the batch.
            data_batch: The batch as loaded.
            outputs: Data samples with predictions.
        """
        self._draw(runner, data_batch, outputs, self.out_dir)

    def _draw(
        self, runner: Any, data_batch: Any, samples: Sequence[BaseDataElement], folder: Path
    ) -> None:
        for index, sample in enumerate(samples):
            path = sample.metainfo.get('img_path')
            out_file = str(self._free_name(folder, Path(path).stem if path else 'image'))
            visualizer = runner.visualizer
            if hasattr(visualizer, 'visualize_cls'):
                image = _input_image(data_batch, index) if path is None else _read(path)
                visualizer.visualize_cls(image, sample, out_file=out_file)
            else:
                image = _read(path)
                # On a small image, the class names that mmseg's visualizer writes hide the classes.
                small = 'pred_sem_seg' in sample and min(image.shape[:2]) < _READABLE
                options = {'with_labels': False} if small else {}
                visualizer.add_datasample(
                    Path(out_file).stem, image, data_sample=sample, out_file=out_file, **options
                )

    def _free_name(self, folder: Path, stem: str) -> Path:
        """Return a name that this run has not used yet; two folders may have files of one name."""
        path, number = folder / f'{stem}.png', 1
        while path in self._written:
            number += 1
            path = folder / f'{stem}_{number}.png'
        self._written.add(path)
        return path


def _read(path: str) -> np.ndarray:
    return mmcv.imread(path, channel_order='rgb')


def _input_image(data_batch: dict, index: int) -> np.ndarray:
    """Return the image that the network gets, for data sets without image files."""
    image = data_batch['inputs'][index]  # [C, H, W]
    return image.permute(1, 2, 0).cpu().numpy().astype('uint8')
