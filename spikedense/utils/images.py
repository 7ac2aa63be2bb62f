"""Images with as many channels as a model reads, and as a viewer needs."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .trial import trial_run

#: Up to so many channels, the first convolution is believed.
_COMMON = 4
_SIDE = 64  # pixels of a trial image


def input_channels(model: nn.Module, default: int | None = None) -> int:
    """Return the number of channels of the images that a model reads.

    Args:
        model: A model with a ``backbone``, or a backbone.
        default: Number for a model that does not tell it.

    Returns:
        The ``input_channels`` that a spiking backbone tells: those of all frames, if it reads
        clips. Else the input channels of the first convolution; without a convolution the
        ``in_channels`` of the backbone. It is 3 for a backbone that makes several channels out of
        each one before its first convolution.

    Raises:
        ValueError: The backbone has neither a convolution nor ``in_channels``, and there is no
            default.
    """
    backbone: Any = getattr(model, 'backbone', model)
    told = getattr(backbone, 'input_channels', None)
    if isinstance(told, int):
        return told
    for module in backbone.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            return _confirmed(backbone, module.in_channels)
    # Only as a fallback: MobileNetV2 changes its in_channels while it builds its layers.
    known = getattr(backbone, 'in_channels', None)
    if isinstance(known, int):
        return known
    if default is not None:
        return default
    raise ValueError(
        f'{type(backbone).__name__} has no convolution and no in_channels, expected one of them '
        'to know the number of channels of its images'
    )


def _confirmed(backbone: nn.Module, channels: int) -> int:
    """Return the number of channels, or 3 if the backbone cannot read so many, but can read 3."""
    if channels <= _COMMON:
        return channels
    weight = next(backbone.parameters())
    images = [weight.new_zeros(1, number, _SIDE, _SIDE) for number in (channels, 3)]
    runs = [trial_run(backbone, image) is not None for image in images]
    return 3 if runs == [False, True] else channels


def random_images(
    model: nn.Module,
    size: tuple[int, int],
    number: int = 1,
    generator: torch.Generator | None = None,
    **options: Any,
) -> Tensor:
    """Return images of normal noise (mean 0, variance 1) that a model can read.

    Args:
        model: The model.
        size: Height and width.
        number: Number of images.
        generator: Source of the random numbers; by default that of torch.
        **options: Passed on to ``torch.randn``: ``dtype``, ``device``.

    Returns:
        Images, ``[number, C, H, W]``.
    """
    shape = (number, input_channels(model), *size)
    return torch.randn(shape, generator=generator, **options)


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return a picture of an image with any number of channels.

    Args:
        image: BGR ``[H, W, 3]``, or ``[H, W]`` or ``[H, W, C]`` with other channels.

    Returns:
        RGB ``[H, W, 3]``: the first three channels in reverse order; of an image with fewer
        channels the first one, grey.
    """
    image = image[..., None] if image.ndim == 2 else image
    pixels = image[..., 2::-1] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
    return np.ascontiguousarray(pixels)
