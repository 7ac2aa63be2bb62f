"""Max pooling with a time axis."""

import torch
import torch.nn.functional as F

from spikedense.models.layers import SpikeMaxPool


def test_steps_and_images_are_pooled_alone() -> None:
    x = -torch.rand(2, 3, 4, 7, 9)
    out = SpikeMaxPool()(x)
    assert out.shape == (2, 3, 4, 4, 5)
    for t in range(2):
        assert torch.equal(out[t], F.max_pool2d(x[t], 3, 2, 1))
