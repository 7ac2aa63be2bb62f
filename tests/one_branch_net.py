"""A small net of one branch: a stem, a block with the branch, a read-out."""

from typing import Any

import torch
from torch import Tensor, nn

from spikedense.models.layers import SpikeBlock, SpikeConv

CFG: dict[str, Any] = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))


class Net(nn.Module):
    """A stem, a block and a read-out.

    Args:
        branch: takes and gives ``[T, B, 8, H, W]``.
        layer_scale: that of the branch; None: none.
    """

    def __init__(self, branch: nn.Module, layer_scale: float | None = None) -> None:
        super().__init__()
        self.stem = SpikeConv(3, 8, 3, norm_cfg=CFG['norm_cfg'])
        self.block = SpikeBlock(8, dict(branch=branch), layer_scale=layer_scale)
        self.readout = SpikeConv(8, 5, neuron_cfg=CFG['neuron_cfg'])

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.block(self.stem(x.unsqueeze(0))))[0]


def images() -> Tensor:
    """Two random images, ``[2, 3, 6, 7]``, float64."""
    return torch.randn(2, 3, 6, 7, dtype=torch.float64)
