"""The directly converted encoder: its attention against loops, its start, its maps."""

import itertools
import math
import re

import pytest
import torch
from torch import Tensor, nn

from spikedense.models.pixel_decoders import (
    MSDeformEncoder,
    SDTEPixelDecoder,
    SpikeMultiScaleDeformableAttention,
    build_encoder,
)

CFG = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
CHANNELS, HEADS, POINTS = 8, 2, 3
#: Coarsest first, odd, not square.
SIZES = [(2, 3), (3, 5), (5, 9)]
STARTS = [0, 6, 21]
TOKENS = 66


def attention(**kwargs) -> SpikeMultiScaleDeformableAttention:
    args = dict(num_heads=HEADS, num_points=POINTS)
    return SpikeMultiScaleDeformableAttention(CHANNELS, len(SIZES), **{**args, **kwargs}, **CFG)


def maps(T: int = 1, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [torch.randn(T, 2, CHANNELS, *size, dtype=dtype) + 1 for size in SIZES]


def tokens(T: int = 1) -> Tensor:
    return torch.cat([x.flatten(3) for x in maps(T)], -1).unsqueeze(3)


def encoder(**kwargs) -> MSDeformEncoder:
    """An encoder in float64 whose neurons fire and whose attention looks at its tokens."""
    args = dict(num_layers=1, num_heads=HEADS, mlp_ratio=2)
    module = MSDeformEncoder(CHANNELS, len(SIZES), **{**args, **kwargs}, **CFG)
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            nn.init.uniform_(child.bias, 0.5, 2)
    return module.double()


def watch(module: nn.Module, names: list[str], at_input: bool = False) -> dict[str, Tensor]:
    """What passes named children in the calls to come."""
    seen: dict[str, Tensor] = {}
    for name in names:
        module.get_submodule(name).register_forward_hook(
            lambda _, args, out, name=name: seen.update({name: args[0] if at_input else out})
        )
    return seen


def bilinear(plane: Tensor, x: float, y: float) -> Tensor:
    """Value of a map ``[C, H, W]`` at a place in pixels, 0 outside."""
    total = torch.zeros_like(plane[:, 0, 0])
    x0, y0 = math.floor(x), math.floor(y)
    for row, column in itertools.product((y0, y0 + 1), (x0, x0 + 1)):
        if 0 <= row < plane.size(1) and 0 <= column < plane.size(2):
            total = total + (1 - abs(y - row)) * (1 - abs(x - column)) * plane[:, row, column]
    return total


def by_loops(value: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    """The definition, token by token, of one image.

    Args:
        value: ``[C, N]``.
        offset: ``[heads * levels * points * 2, N]``.
        weight: ``[heads * levels * points, N]``, before the softmax.

    Returns:
        ``[C, N]``.
    """
    out = torch.zeros_like(value)
    layout = (HEADS, len(SIZES), POINTS)
    offset = offset.unflatten(0, (*layout, 2))
    weight = weight.unflatten(0, (HEADS, -1)).softmax(1).unflatten(1, layout[1:])
    width = CHANNELS // HEADS
    token = 0
    for height_q, width_q in SIZES:
        for i, j in itertools.product(range(height_q), range(width_q)):
            for h, (m, (height, w)), k in itertools.product(
                range(HEADS), enumerate(SIZES), range(POINTS)
            ):
                dx, dy = offset[h, m, k, :, token].tolist()
                x = (j + 0.5) / width_q * w - 0.5 + dx
                y = (i + 0.5) / height_q * height - 0.5 + dy
                rows = slice(h * width, (h + 1) * width)
                plane = value[rows, STARTS[m] : STARTS[m] + height * w].unflatten(1, (height, w))
                out[rows, token] += weight[h, m, k, token] * bilinear(plane, x, y)
            token += 1
    return out


def test_attention_equals_the_definition() -> None:
    module = attention().double()
    for layer in (module.offset_conv, module.weight_conv):
        nn.init.normal_(layer.conv.weight, std=2)
    names = ['value_proj', 'offset_conv', 'weight_conv']
    parts = watch(module, names)
    found = watch(module, ['out_proj'], at_input=True)
    with torch.no_grad():
        module(tokens(), torch.randn(CHANNELS, 1, TOKENS, dtype=torch.float64), SIZES)
    for image in range(2):
        expected = by_loops(*(parts[name][0, image, :, 0] for name in names))
        torch.testing.assert_close(found['out_proj'][0, image, :, 0], expected)


def test_start_is_a_star_of_equal_weights() -> None:
    module = attention(num_heads=4, num_points=2)
    module.init_weights()
    parts = watch(module, ['offset_conv', 'weight_conv'])
    module(tokens().float(), torch.zeros(CHANNELS, 1, TOKENS), SIZES)
    assert parts['weight_conv'].abs().max() == 0
    star = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    offset = parts['offset_conv'][0, 0, :, 0, 0].unflatten(0, (4, len(SIZES), 2, 2))
    for level, k in itertools.product(range(len(SIZES)), range(2)):
        torch.testing.assert_close(offset[:, level, k], (k + 1) * star)


@pytest.mark.parametrize('T', [1, 2])
def test_encoder_keeps_shapes_and_all_of_it_learns(T: int) -> None:
    module = encoder(num_layers=2)
    inputs = [x.requires_grad_() for x in maps(T)]
    out = module(inputs)
    assert [y.shape for y in out] == [x.shape for x in inputs]
    sum((y * torch.randn_like(y)).sum() for y in out).backward()
    # A norm undoes the bias in front of it.
    undone = re.compile(r'.*mlp\.(widen|narrow)\.conv\.bias')
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0 or undone.fullmatch(name), name
    assert all(x.grad.abs().max() > 0 for x in inputs)


def test_maps_see_each_other() -> None:
    module = encoder().eval()
    x = maps()
    other = [x[0], x[1], x[2] + 3]
    with torch.no_grad():
        pairs = list(zip(module(x), module(other), strict=True))
    assert all(not torch.allclose(a, b) for a, b in pairs)


def test_levels_are_told_apart() -> None:
    module = encoder().eval()
    x = maps()
    with torch.no_grad():
        before = module(x)
        module.level_embed.weight[2] += 5
        after = module(x)
    assert torch.equal(before[0], after[0]) and torch.equal(before[1], after[1])
    assert not torch.allclose(before[2], after[2])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_places_are_exact_in_half_precision(dtype: torch.dtype) -> None:
    module = attention().eval()
    positions = torch.zeros(CHANNELS, 1, TOKENS)
    x = tokens().float()
    with torch.no_grad():
        expected = module(x, positions, SIZES)
        found = module.to(dtype)(x.to(dtype), positions.to(dtype), SIZES)
    assert found.dtype == dtype
    # Spikes flip where their membranes are rounded; most stay.
    assert ((found - expected).abs() < 0.05).double().mean() > 0.9


def test_pixel_decoder_of_odd_maps() -> None:
    module = SDTEPixelDecoder(
        (4, 8, 8, 12),
        feat_channels=CHANNELS,
        out_channels=6,
        encoder=dict(type='MSDeformEncoder', num_layers=1, num_heads=HEADS, mlp_ratio=2),
        encoder_levels=(1, 2, 3),
    )
    module.init_weights()
    sizes = [(25, 17), (13, 9), (7, 5), (4, 3)]
    pyramid = [torch.randn(1, 2, c, *s) for c, s in zip((4, 8, 8, 12), sizes, strict=True)]
    calls: list[list[Tensor]] = []
    module.encoder.register_forward_pre_hook(lambda _, args: calls.append(args[0]))
    masks, memories = module(pyramid)
    assert [x.shape[-2:] for x in calls[0]] == [(4, 3), (7, 5), (13, 9)]
    assert masks.shape == (1, 2, 6, 25, 17)
    assert [m.shape for m in memories] == [(1, 2, CHANNELS, *s) for s in sizes[:0:-1]]


def test_wrong_heads_are_told() -> None:
    with pytest.raises(ValueError, match='num_heads=3, expected a divisor of 8'):
        build_encoder(CHANNELS, 3, type='MSDeformEncoder', num_heads=3, **CFG)
