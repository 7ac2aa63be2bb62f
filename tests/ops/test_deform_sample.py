"""Deformable sampling against a loop, shifted copies, and torchvision's operator."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torchvision.ops import deform_conv2d

from spikedense.ops import deform_sample

N, G, C, H, W, K = 2, 2, 6, 5, 7, 9


def inputs(offset_scale: float = 1.5) -> tuple[Tensor, Tensor, Tensor]:
    """Value, offset and weight in float64."""
    double = dict(dtype=torch.float64)
    value = torch.randn(N, C, H, W, **double)
    offset = torch.randn(N, G, K, 2, H, W, **double) * offset_scale
    return value, offset, torch.randn(N, G, K, H, W, **double)


def pixel(plane: Tensor, y: float, x: float) -> Tensor:
    """Bilinear value of a plane ``[C, H, W]`` at a place, 0 outside."""
    y0, x0 = math.floor(y), math.floor(x)
    total = torch.zeros_like(plane[:, 0, 0])
    for row, column in itertools.product((y0, y0 + 1), (x0, x0 + 1)):
        if 0 <= row < plane.size(1) and 0 <= column < plane.size(2):
            share = (1 - abs(y - row)) * (1 - abs(x - column))
            total = total + share * plane[:, row, column]
    return total


def by_loops(value: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    """The definition, place by place; points run over x slowly and over y fast."""
    out = torch.zeros_like(value)
    points = list(itertools.product((-1, 0, 1), (-1, 0, 1)))
    for n, g, k, i, j in itertools.product(range(N), range(G), range(K), range(H), range(W)):
        channels = slice(g * C // G, (g + 1) * C // G)
        dx, dy = offset[n, g, k, :, i, j].tolist()
        x, y = points[k]
        sample = pixel(value[n, channels], i + y + dy, j + x + dx)
        out[n, channels, i, j] += weight[n, g, k, i, j] * sample
    return out


def test_equals_the_definition() -> None:
    args = inputs()
    torch.testing.assert_close(deform_sample(*args), by_loops(*args))


def test_whole_offsets_copy_shifted_maps() -> None:
    value, offset, weight = inputs()
    offset.zero_()
    weight.zero_()
    weight[:, :, 4] = 1  # the centre
    torch.testing.assert_close(deform_sample(value, offset, weight), value)
    offset[:, :, :, 0] = 2  # two to the right
    torch.testing.assert_close(deform_sample(value, offset, weight)[..., :-2], value[..., 2:])
    assert deform_sample(value, offset, weight)[..., -2:].abs().max() == 0


def test_equals_torchvision_with_its_order_of_points() -> None:
    value, offset, weight = inputs()
    # torchvision's points run over y slowly, and its offsets are (y, x).
    swap = torch.arange(K).reshape(3, 3).t().flatten()
    theirs = deform_conv2d(
        value,
        offset[:, :, swap].flip(3).flatten(1, 3),
        torch.ones(C, 1, 3, 3, dtype=value.dtype),
        padding=1,
        mask=weight[:, :, swap].flatten(1, 2),
    )
    torch.testing.assert_close(deform_sample(value, offset, weight), theirs)


def test_gradients() -> None:
    value, offset, weight = (x[:1, ..., :3, :4].clone().requires_grad_() for x in inputs(0.3))
    assert torch.autograd.gradcheck(deform_sample, (value, offset, weight))


def test_groups_see_their_own_channels() -> None:
    value, offset, weight = inputs()
    before = deform_sample(value, offset, weight)
    weight[:, 1] += 1
    after = deform_sample(value, offset, weight)
    assert torch.equal(before[:, : C // 2], after[:, : C // 2])
    assert not torch.equal(before[:, C // 2 :], after[:, C // 2 :])


@pytest.mark.parametrize('change', [dict(kernel_size=5), dict(weight=(N, G, K, H, W - 1))])
def test_shapes_that_do_not_fit_are_told(change: dict) -> None:
    value, offset, weight = inputs()
    if 'weight' in change:
        weight = weight.new_zeros(change.pop('weight'))
    with pytest.raises(ValueError, match=r'deform_sample: value \(2, 6, 5, 7\).*expected'):
        deform_sample(value, offset, weight, **change)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_finds_its_places_on_a_large_map(dtype: torch.dtype) -> None:
    width = 256
    value = (
        torch.arange(width, dtype=torch.float32).remainder(7).expand(1, 2, 3, width).contiguous()
    )
    offset = torch.zeros(1, 1, 9, 2, 3, width)
    weight = torch.zeros(1, 1, 9, 3, width)
    weight[:, :, 4] = 1  # the centre alone: the map itself
    found = deform_sample(value.to(dtype), offset.to(dtype), weight.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), value, rtol=0, atol=1e-2)
