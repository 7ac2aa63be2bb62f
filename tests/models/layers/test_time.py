"""Folding time into the batch."""

import pytest
import torch

from spikedense.models.layers.time import fold_time, unfold_time


@pytest.mark.parametrize('shape', [(1, 1), (1, 3), (2, 1), (2, 3)])
def test_convolutions_see_the_memory_format(shape: tuple[int, int]) -> None:
    T, B = shape
    maps = torch.randn(T * B, 4, 3, 5).contiguous(memory_format=torch.channels_last)
    x = unfold_time(maps, T)
    assert torch.equal(x, maps.view(T, B, 4, 3, 5))
    assert fold_time(x).stride() == maps.stride()
    y = torch.nn.Conv2d(4, 4, 1)(fold_time(x))
    assert y.is_contiguous(memory_format=torch.channels_last)
