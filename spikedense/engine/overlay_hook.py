"""Pictures of predictions, one file for each image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement

from spikedense.registry import HOOKS
from spikedense.visualization.predictions import PredictionPictures
from spikedense.visualization.shown_image import shown_image

from .output_names import OutputNames


@HOOKS.register_module()
class OverlayHook(Hook):
    """Draw image, truth and prediction side by side in validation and test.

    Pictures of a test go to ``out_dir/NAME.png``, pictures of a validation to
    ``out_dir/iter_N/NAME.png``. Only the images of the first process are drawn.

    Args:
        out_dir: Folder of the pictures. It is created when the first picture is written.
        max_val_images: Number of images that are drawn in a validation; a test draws all images.
    """

    priority = 'LOW'

    def __init__(self, out_dir: str, max_val_images: int = 16) -> None:
        self.out_dir = Path(out_dir)
        self.max_val_images = max_val_images
        self._names: dict[int, OutputNames] = {}
        self._pictures: PredictionPictures | None = None
        self._drawn = 0

    def before_val_epoch(self, runner: Any) -> None:
        """Set the number of drawn images back to 0.

        Args:
            runner: The runner.
        """
        self._drawn = 0

    before_test_epoch = before_val_epoch

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
        wanted = outputs[: max(self.max_val_images - self._drawn, 0)]
        folder = self.out_dir / f'iter_{runner.iter}'
        self._draw(runner, runner.val_dataloader.dataset, data_batch, wanted, folder)

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
        self._draw(runner, runner.test_dataloader.dataset, data_batch, outputs, self.out_dir)

    def _draw(
        self,
        runner: Any,
        dataset: Any,
        data_batch: Any,
        samples: Sequence[BaseDataElement],
        folder: Path,
    ) -> None:
        if not (is_main_process() and len(samples)):
            return
        if self._pictures is None:
            self._pictures = PredictionPictures(runner.cfg.visualizer)
        names = self._names.get(id(dataset))
        if names is None:
            names = self._names[id(dataset)] = OutputNames(dataset)
        for index, sample in enumerate(samples):
            name = names.of(sample.metainfo.get('img_path'), self._drawn)
            image = shown_image(sample, data_batch, index)
            picture = self._pictures.draw(image, sample, runner.visualizer.dataset_meta)
            _write(folder / f'{name}.png', picture)
            self._drawn += 1


def _write(path: Path, picture: np.ndarray) -> None:
    mmcv.imwrite(picture[..., ::-1], str(path))
