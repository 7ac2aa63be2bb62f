"""Has an image the channels that a model reads?"""

from typing import Any

from torch import Tensor

from spikedense.errors import UserError
from spikedense.utils.clips import check_frames
from spikedense.utils.images import input_channels
from spikedense.utils.unwrap import unwrap


def known_channels(model: Any) -> int | None:
    """Return the channels that the backbone of a model reads; None if the model does not tell.

    Args:
        model: The model, maybe inside a wrapper.
    """
    try:
        return input_channels(unwrap(model).backbone)
    except (AttributeError, ValueError):
        return None


def check_channels(model: Any, image: Tensor, source: object, expected: int | None) -> None:
    """Check an image before a model gets it.

    Args:
        model: The model, maybe inside a wrapper.
        image: The image as the pipeline returns it, ``[C, H, W]``.
        source: Path of the image, for the error.
        expected: Number of channels that the model reads; with None nothing is compared.

    Raises:
        UserError: The image has another number of channels, or the clip of frames.
    """
    if expected is None:
        return
    inner = unwrap(model)
    found = image.size(0)
    backbone: Any = getattr(inner, 'backbone', None)
    if getattr(backbone, 'clips', False):
        what = f"the clip of '{source}'"
        check_frames(found, backbone.T, backbone.in_channels, what, 'model.backbone.T')
    mean = getattr(getattr(inner, 'data_preprocessor', None), 'mean', None)
    # The normalisation by several values makes as many channels out of one.
    if found == expected or (found == 1 and mean is not None and mean.numel() == expected):
        return
    raise UserError(
        f"'{source}' has {found} channel(s) behind the pipeline, but the backbone reads images of "
        f'{expected}; expected another color_type of LoadImageFromFile (color, grayscale or '
        'unchanged) in the pipeline, which is tta_pipeline with --tta, or another in_channels of '
        'model.backbone'
    )


def check_first_image(model: Any, data_batch: Any, expected: int | None) -> None:
    """Check the first image of a batch.

    Args:
        model: The model, maybe inside a wrapper.
        data_batch: The batch as loaded, also one for test-time augmentation.
        expected: See :func:`check_channels`.

    Raises:
        UserError: The image has another number of channels than the model reads.
    """
    if not isinstance(data_batch, dict):
        return
    image, sample = data_batch.get('inputs'), data_batch.get('data_samples')
    while isinstance(image, list | tuple) and image:
        image = image[0]
    while isinstance(sample, list | tuple) and sample:
        sample = sample[0]
    if isinstance(image, Tensor) and image.dim() == 4:  # a batch of images of one size
        image = image[0]
    if isinstance(image, Tensor) and image.dim() == 3:
        source = getattr(sample, 'img_path', 'an image of the data set')
        check_channels(model, image, source, expected)
