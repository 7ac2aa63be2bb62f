"""Sizes of SpikingResformer and of the large models of Spike-driven Transformer V3."""

from typing import Any

import pytest
import torch
from contract import wake
from torch import Tensor

from spikedense.deploy import fold
from spikedense.models.backbones import SDTV3Large, SpikingResformer
from spikedense.models.layers import SpikeBlock, SpikeConv, SpikeStackedConv

#: Parameters of the published networks, without their classifiers.
PARAMETERS = {
    (SpikingResformer, 'Ti'): 11_180_992 - 384_000,
    (SpikingResformer, 'S'): 17_813_824 - 512_000,
    (SpikingResformer, 'M'): 35_601_472 - 768_000,
    (SpikingResformer, 'L'): 60_375_680 - 1_024_000,
    (SDTV3Large, '83M'): 82_502_952 - 513_000,
    (SDTV3Large, '173M'): 170_971_714 - 769_000,
}
LARGE = dict(embed_dims=(8, 12, 16), depths=(0, 0, 0, 1), num_heads=2)


@pytest.mark.parametrize(('cls', 'arch'), PARAMETERS)
def test_published_sizes(cls: Any, arch: str) -> None:
    with torch.device('meta'):
        backbone = cls(arch)
    assert sum(p.numel() for p in backbone.parameters()) == PARAMETERS[cls, arch]


@pytest.mark.parametrize(
    ('cls', 'arch', 'message'),
    [
        (SpikingResformer, 'XL', r"arch='XL', expected one of \['Ti', 'S', 'M', 'L'\]"),
        (SpikingResformer, dict(embed_dims=(8, 8)), 'expected embed_dims, num_heads'),
        (SDTV3Large, '5M', r"arch='5M', expected one of \['0.6M', '83M', '173M'\]"),
        (SDTV3Large, dict(embed_dims=(9, 8, 8)), 'three widths, the first one even'),
        (SDTV3Large, dict(embed_dims=(8, 8, 8), depths=(1, 1)), r'depths=\(1, 1\), expected 4'),
    ],
)
def test_wrong_architectures_are_told(cls: Any, arch: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cls(arch)


def test_scales_stand_behind_attention_and_mlp_only() -> None:
    block: Any = SDTV3Large(LARGE, layer_scale=0.5).stages[3].blocks[0]
    assert list(block.branches) == ['conv', 'attn', 'mlp']
    assert list(block.scales) == ['attn', 'mlp']
    plain: Any = SDTV3Large(dict(LARGE, stacked_conv=False), layer_scale=None).stages[3].blocks[0]
    assert list(plain.branches) == ['attn', 'mlp'] and not plain.scales
    with pytest.raises(ValueError, match='expected a number, or names of branches'):
        SpikeBlock(8, dict(mlp=SpikeConv(8, 8)), layer_scale=dict(attn=1.0))


def test_another_attention_in_both() -> None:
    x = torch.randn(1, 3, 32, 32)
    mixer = dict(type='QKTokenAttention')
    small = dict(embed_dims=(8, 8, 16), depths=(1, 1, 1), num_heads=2)
    assert SpikingResformer(small, attn_cfg=mixer)(x)[-1].shape == (4, 1, 16, 2, 2)
    dual = dict(type='DualSpikeSelfAttention', patch_size=2)
    assert SDTV3Large(LARGE, attn_cfg=dual)(x)[-1].shape == (1, 1, 16, 2, 2)


def maps() -> Tensor:
    return 3 * torch.randn(2, 2, 6, 4, 5, dtype=torch.float64)


@pytest.mark.parametrize('num_norms', [1, 2])
def test_stacked_convolutions_are_one_convolution(num_norms: int) -> None:
    neuron = dict(type='NILIF', D=4)
    layer = SpikeStackedConv(6, 8, 9, neuron, dict(type='BN'), num_norms).double()
    x = maps()
    wake(layer, maps())
    expected = layer(x)
    conv = layer.as_conv()
    assert conv.norm is None and conv.neuron is layer.neuron
    torch.testing.assert_close(conv(x), expected)


def test_all_stacked_convolutions_of_a_model_are_folded() -> None:
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    model = wake(SDTV3Large(LARGE, layer_scale=0.5).double(), x)
    expected = model(x)
    foldings = fold(model)
    assert all(f.reason is None for f in foldings)
    assert not [m for m in model.modules() if isinstance(m, SpikeStackedConv)]
    for a, b in zip(model(x), expected, strict=True):
        torch.testing.assert_close(a, b)
