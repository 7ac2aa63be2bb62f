"""The feature maps that pass from one part of a model to the next, found by a trial run."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.utils.images import input_channels

_SIZE = 64  # pixels of the sides of the trial image
#: Number of axes -> axis of the channels.
_CHANNEL_AXIS = {2: 1, 4: 1, 5: 2}


def trial_image(backbone: nn.Module) -> Tensor | None:
    """Return a small black image for a backbone, ``[1, C, 64, 64]``; None if C is not known."""
    weight = next(backbone.parameters(), None)
    try:
        shape = (1, input_channels(backbone), _SIZE, _SIZE)
    except ValueError:
        return None
    return torch.zeros(shape) if weight is None else weight.new_zeros(shape)


def widths_of(maps: Any) -> list[int] | None:
    """Return the number of channels of each feature map.

    Args:
        maps: Maps ``[B, C, H, W]`` or ``[T, B, C, H, W]``, or vectors ``[B, C]``, as a backbone or
            a neck gives them.

    Returns:
        The numbers; None if the maps are something else.
    """
    if isinstance(maps, Tensor):
        maps = (maps,)
    if not isinstance(maps, Sequence) or not all(isinstance(x, Tensor) for x in maps):
        return None
    if any(x.dim() not in _CHANNEL_AXIS for x in maps):
        return None
    return [x.size(_CHANNEL_AXIS[x.dim()]) for x in maps]
