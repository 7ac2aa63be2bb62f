"""SDDA, the SDTE layer and its plain rival: layout, start, options."""

import pytest
import torch
from contract import spiked_operands
from torch import Tensor, nn

from spikedense.models.layers import SpikeDrivenDeformableAttention
from spikedense.models.pixel_decoders import (
    SDTELayer,
    SpikeEncoder,
    SpikeEncoderLayer,
    build_encoder,
)

CFG = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
CHANNELS, GROUPS = 16, 4


def awake(module: nn.Module) -> nn.Module:
    """In eval mode, float64, with offsets, weights and biases that are not zero."""
    module = module.double().eval()
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            nn.init.uniform_(child.bias, 0, 2)
    return module


def layer(legacy: bool = False) -> SDTELayer:
    """An SDTE layer whose branches count."""
    module = SDTELayer(
        CHANNELS,
        attn_cfg=dict(num_groups=GROUPS),
        legacy_layout=legacy,
        layer_scale=1.0,
        **CFG,
    )
    return awake(module)


def sdda(**kwargs) -> SpikeDrivenDeformableAttention:
    return awake(SpikeDrivenDeformableAttention(CHANNELS, GROUPS, **kwargs, **CFG))


def maps(size: tuple[int, int] = (20, 24)) -> Tensor:
    return torch.randn(1, 2, CHANNELS, *size, dtype=torch.float64) + 1


def shift_error(module: nn.Module, margin: int) -> float:
    """How far a module is from commuting with a shift by one cell, away from the borders."""
    x = maps()
    with torch.no_grad():
        there = module(x.roll((1, 1), (-2, -1)))
        back = module(x).roll((1, 1), (-2, -1))
    inner = (..., slice(margin, -margin), slice(margin, -margin))
    assert there[inner].std() > 0
    return (there - back)[inner].abs().max().item()


def test_sdda_follows_a_shift() -> None:
    # Two depth-wise 5x5 kernels, offsets of a few pixels and a 5x5 behind reach some eight cells.
    assert shift_error(sdda(), margin=9) < 1e-9
    assert shift_error(sdda(legacy_layout=True), margin=9) > 1e-2


def test_layer_follows_a_shift_its_mlp_included() -> None:
    mlp = layer().branches['mlp']
    assert shift_error(mlp, margin=1) < 1e-9
    assert shift_error(layer(legacy=True).branches['mlp'], margin=1) > 1e-2


def test_layer_starts_near_the_identity() -> None:
    module = SpikeEncoder(CHANNELS, num_layers=2, attn_cfg=dict(num_groups=GROUPS), **CFG)
    module.init_weights()
    x = maps().float()
    scale = x.abs().max()
    (out,) = module([x])
    assert (out - x).abs().max() <= 1e-5 * scale


def test_weights_start_silent_and_learn_all_the_same() -> None:
    module = SpikeDrivenDeformableAttention(CHANNELS, GROUPS, **CFG)
    module.init_weights()
    rates = []
    module.weight_neuron.register_forward_hook(lambda *call: rates.append(call[-1].abs().max()))
    out = module(maps().float())
    (out * torch.randn_like(out)).sum().backward()
    assert rates == [0]
    assert module.weight_conv.conv.weight.grad is not None
    # A zero weight makes the norm's input zero, so what learns first is the norm's shift.
    assert module.weight_conv.norm.bias.grad.abs().max() > 0


@pytest.mark.parametrize(
    ('options', 'absent'),
    [
        (dict(dwconv=False), ['dwconv.conv.weight']),
        (dict(proj='linear'), ['value_proj.depthwise.conv.weight']),
    ],
)
def test_options_take_parts_away(options: dict, absent: list[str]) -> None:
    names = dict(sdda().named_parameters())
    without = dict(sdda(**options).named_parameters())
    for name in absent:
        assert name in names and name not in without
    assert sdda(**options)(maps()).shape == maps().shape


@pytest.mark.parametrize('spike', ['weight', 'value'])
def test_one_factor_of_the_samples_is_spiked(spike: str) -> None:
    assert spiked_operands(sdda(spike=spike), maps()) == {spike}


def test_spiked_value_has_the_same_weights() -> None:
    assert set(sdda(spike='value').state_dict()) == set(sdda().state_dict())


def test_sdda_is_exportable_for_any_size() -> None:
    module, x = sdda(), maps()
    sizes = {1: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC, 4: torch.export.Dim.DYNAMIC}
    with torch.no_grad():
        fixed = torch.export.export(module, (x,)).module()
        sized = torch.export.export(module, (x,), dynamic_shapes=(sizes,)).module()
        expected, other = module(x), torch.cat([maps((9, 31)), maps((9, 31))], dim=1)
        torch.testing.assert_close(fixed(x), expected)
        torch.testing.assert_close(sized(x), expected)
        torch.testing.assert_close(sized(other), module(other))
    assert expected.std() > 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_groups=5), 'num_groups=5, expected a divisor of 16'),
        (dict(proj='conv'), "proj='conv', expected one of"),
        (dict(spike='both'), "spike='both', expected one of"),
    ],
)
def test_wrong_options_are_told(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpikeDrivenDeformableAttention(CHANNELS, **{'num_groups': GROUPS, **options}, **CFG)


def test_plain_layer_knows_places() -> None:
    module = awake(SpikeEncoderLayer(CHANNELS, num_heads=4, mlp_ratio=2, **CFG))
    x = maps((3, 4))
    turned = module(x.flip(-1)).flip(-1)
    assert not torch.allclose(turned, module(x)), 'without positions it could not tell them apart'


def test_unknown_encoder_is_told() -> None:
    with pytest.raises(ValueError, match="encoder: type='Swin', expected one of"):
        build_encoder(CHANNELS, 1, type='Swin', **CFG)
