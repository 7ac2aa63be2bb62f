"""Panels of test images: input, truth, prediction and where the neurons fire."""

from pathlib import Path

import numpy as np

from spikedense.analysis.firing.maps import FiringMap
from spikedense.checks.config import open_config
from spikedense.errors import UserError
from spikedense.inference.inputs import InputImage
from spikedense.inference.seg_inferencer import SegInferencer
from spikedense.visualization.panels import colour_labels, draw_panels

from .examples import examples_of_test_set


def draw_test_images(config: str, weights: str | None, out: Path, number: int = 3) -> None:
    """Draw a row of panels for some images of the test set.

    Args:
        config: Path or name of a config of mmseg, or ``'demo'``.
        weights: Path of a checkpoint; None means the weights that ship with the model.
        out: The picture to write.
        number: Number of images, at most.

    Raises:
        UserError: The test set has no image that is a file with labels.
    """
    # An inferencer changes the test pipeline of its config: it has no labels.
    examples, _ = examples_of_test_set(open_config(config), number)
    infer = SegInferencer(config, weights)
    palette = infer.model.dataset_meta['palette']
    rows = []
    for example in examples:
        if example.truth is None:
            continue
        image = InputImage(Path(example.path).stem, example.path).read_rgb()
        with FiringMap().watch(infer.model) as firing:
            (prediction,) = infer(example.path, progress=False)
        rows.append(
            {
                'image': image,
                'truth': colour_labels(np.asarray(example.truth.data[0]), palette),
                'prediction': colour_labels(prediction.labels, palette),
                'where neurons fire': firing.of_image(image.shape[:2]).numpy(),
            }
        )
    if not rows:
        raise UserError('the test set has no images with labels to draw')
    draw_panels(out, rows, infer.classes, palette)
