"""Pictures of what a masked auto-encoder fills in."""

from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import Tensor

from spikedense.registry import HOOKS
from spikedense.utils.unwrap import unwrap

_GAP = 4  # white pixels between the pictures


@HOOKS.register_module()
class ReconstructionHook(Hook):
    """Draw images, their visible patches and their reconstructions side by side in a training.

    The pictures go to ``out_dir/iter_N.png``, one image a row. The images are those of the batch
    that was just trained on; the same patches of it are masked each time. If the targets are
    normalised, brightness and contrast of a filled patch are those of the image.

    Args:
        interval: Iterations between two pictures; there is one of the last iteration, too.
        max_images: Number of images in a picture.
        out_dir: Folder of the pictures; None means ``reconstructions`` in the folder of the run.
    """

    priority = 'LOW'

    def __init__(
        self, interval: int = 1000, max_images: int = 4, out_dir: str | None = None
    ) -> None:
        self.interval = interval
        self.max_images = max_images
        self.out_dir = out_dir

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Draw the first images of the batch.

        Args:
            runner: The runner, of a :class:`SpikeMAE`.
            batch_idx: Index of the batch.
            data_batch: The batch as loaded.
            outputs: Not read.
        """
        last = runner.iter + 1 == runner.max_iters
        if not is_main_process() or not (last or self.every_n_train_iters(runner, self.interval)):
            return
        model = unwrap(runner.model)
        images = model.data_preprocessor(data_batch, False)['inputs'][: self.max_images]
        model.eval()
        mask, filled = model.reconstruct(images, torch.Generator().manual_seed(0))
        model.train()
        shown = [as_pixels(one, model.data_preprocessor) for one in (images, filled)]
        # Masked pixels are grey.
        grey = np.where(mask.permute(0, 2, 3, 1).cpu().numpy() > 0, 128, shown[0])
        folder = Path(self.out_dir or Path(runner.work_dir, 'reconstructions'))
        picture = side_by_side([shown[0], grey.astype(np.uint8), shown[1]])
        mmcv.imwrite(picture[..., ::-1], str(folder / f'iter_{runner.iter + 1}.png'))


def as_pixels(images: Tensor, preprocessor: Any) -> np.ndarray:
    """Undo the preprocessing of images.

    Args:
        images: Normalised images, ``[B, 3, H, W]``.
        preprocessor: The model's preprocessor, which has made them.

    Returns:
        RGB, ``[B, H, W, 3]``, uint8.
    """
    if getattr(preprocessor, '_enable_normalize', False):
        images = images * preprocessor.std + preprocessor.mean
    pixels = images.clamp(0, 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels if getattr(preprocessor, 'to_rgb', True) else pixels[..., ::-1]


def side_by_side(columns: list[np.ndarray]) -> np.ndarray:
    """Put pictures beside each other, with white gaps.

    Args:
        columns: The pictures of each column, ``[B, H, W, 3]``, uint8.

    Returns:
        One picture with B rows.
    """
    grid = np.stack(columns, axis=1)  # [B, columns, H, W, 3]
    grid = np.pad(grid, ((0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
    rows, number, height, width, _ = grid.shape
    return grid.transpose(0, 2, 1, 3, 4).reshape(rows * height, number * width, 3)
