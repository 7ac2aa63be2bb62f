"""Which pixels the networks of the receptive-field paper are connected to, by the tool itself."""

from typing import Any

import numpy as np
import pytest
import torch
from linear_neuron import Through
from torch import nn

from spikedense.analysis.erf import ERFResult, st_erf
from spikedense.models.backbones import SDTV3
from spikedense.models.layers import build_mixer
from spikedense.neurons import BaseNeuron

CFG: dict[str, Any] = dict(
    neuron_cfg=dict(type='NILIF', D=4, stateful=False), norm_cfg=dict(type='BN')
)


def positive(net: nn.Module) -> nn.Module:
    """Make a network linear and all its weights positive: a gradient shows what is connected."""
    for module in net.modules():
        for name, child in module.named_children():
            if isinstance(child, BaseNeuron):
                setattr(module, name, Through())
            elif isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    for parameter in net.parameters():
        # The sum over hundreds of layers must not overflow.
        scale = 1 / parameter[0].numel() if parameter.dim() > 1 else 0
        nn.init.uniform_(parameter, 0.5 * scale, scale)
    return net.eval()


def seen(found: ERFResult, layer: str) -> np.ndarray:
    """Pixels that the middle of a map depends on, ``[H, W]``."""
    return found.spatial(layer) > 0


@pytest.mark.parametrize(
    ('shape', 'ratio', 'pixels', 'rows'),
    [
        ((16, 112, 112), 4, 192, [13, 14, 41, 42, 69, 70, 97, 98]),
        ((32, 56, 56), 4, 192, [6, 7, 20, 21, 34, 35, 48, 49]),
        ((64, 28, 28), 4, 512, [*range(1, 6), *range(8, 14), *range(15, 20), *range(22, 27)]),
        ((16, 112, 112), 6, 288, [9, 27, 28, 46, 65, 83, 84, 102]),
        ((16, 256, 256), 4, 384, [31, 32, 95, 96, 159, 160, 223, 224]),
        ((64, 64, 64), 4, 512, [7, 8, 23, 24, 39, 40, 55, 56]),
    ],
)
def test_what_one_output_of_an_srb_sees(
    shape: tuple[int, int, int], ratio: int, pixels: int, rows: list[int]
) -> None:
    srb = positive(build_mixer(dict(type='SRB', ratio=ratio), shape[0], **CFG))
    found = seen(st_erf(srb, [torch.zeros(1, 1, *shape)]), 'stage0')
    assert found.sum() == pixels
    assert found.any(1).nonzero()[0].tolist() == rows


POINTWISE = dict(layout='pointwise')
#: The convolution blocks of the first two official stages.
BLOCKS = ['stages.0.blocks.0', 'stages.1.blocks.0', 'stages.2.blocks.0', 'stages.2.blocks.1']


@pytest.mark.parametrize(
    ('size', 'cfg', 'percentages'),
    [
        (224, dict(type='ChannelConv'), (1.5, 10.0, 50.4, 100)),
        (224, dict(type='MLPixer', **POINTWISE), (0.7, 4.4, 21.1, 45.4)),
        (224, dict(type='MLPixer'), (1.9, 15.7, 60.3, 97.4)),
        (224, dict(type='SRB', **POINTWISE), (1.1, 6.9, 34.2, 75.8)),
        (224, dict(type='SRB'), (20.4, 100, 100, 100)),
        (512, dict(type='ChannelConv'), (0.3, 1.9, 9.6, 21.8)),
        (512, dict(type='SRB'), (7.2, 85.8, 100, 100)),
    ],
)
def test_what_the_convolution_blocks_see(
    size: int, cfg: dict[str, Any], percentages: tuple[float, ...]
) -> None:
    # Widths do not matter to convolutions, but strips have the length of the width: those of S.
    net = SDTV3('5M', channel_mixer=[dict(cfg, ratio=4)] * 3 + [{}] * 2, out_indices=(2,))
    found = st_erf(positive(net), [torch.zeros(1, 3, size, size)], BLOCKS)
    shares = [round(100 * seen(found, layer).mean(), 1) for layer in BLOCKS]
    assert shares == list(percentages)
