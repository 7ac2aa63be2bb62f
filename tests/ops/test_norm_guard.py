"""Batch norm where an axis has length 1: gradients must not depend on the memory layout."""

from collections.abc import Callable
from itertools import permutations, product

import pytest
import torch
from torch import Tensor, nn

from spikedense.ops import guarded_norm

SHAPES = [(1, 6, 3, 4), (2, 6, 1, 4), (2, 6, 3, 1), (1, 6, 1, 4), (2, 6, 3, 4)]


def _stored_as(order: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    back = [order.index(axis) for axis in range(4)]
    return lambda x: x.permute(order).contiguous().permute(back)


def _from_tokens(x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2).contiguous()  # [B, N, C]
    return tokens.transpose(1, 2).unflatten(2, x.shape[-2:])


def _odd_strides(x: Tensor) -> Tensor:
    x = x.contiguous()
    strides = [7 if n == 1 else stride for n, stride in zip(x.shape, x.stride(), strict=True)]
    return x.as_strided(x.shape, strides)


LAYOUTS = {
    **{f'memory {order}': _stored_as(order) for order in permutations(range(4))},
    'tokens': _from_tokens,
    'odd strides': _odd_strides,
    'slice': lambda x: torch.cat([x, x]).contiguous(memory_format=torch.channels_last)[: len(x)],
}


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_gradient_equals_the_formula(shape: tuple[int, ...], training: bool) -> None:
    values = torch.randn(shape, dtype=torch.float64)
    grad = torch.randn(shape, dtype=torch.float64)
    norm = nn.BatchNorm2d(shape[1]).double().train(training)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)

    x = values.clone().requires_grad_()
    mean, var = norm.running_mean, norm.running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    y = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + norm.eps)
    (expected,) = torch.autograd.grad(y, x, grad)

    wrong = []
    for of_input, of_grad in product(LAYOUTS, repeat=2):
        x = LAYOUTS[of_input](values).requires_grad_()
        (found,) = torch.autograd.grad(guarded_norm(norm, x), x, LAYOUTS[of_grad](grad))
        if not torch.allclose(found, expected):
            wrong.append((of_input, of_grad))
    assert wrong == []


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_dense_layouts_are_not_copied(
    shape: tuple[int, ...], memory_format: torch.memory_format
) -> None:
    x = torch.randn(shape).contiguous(memory_format=memory_format)
    y = guarded_norm(nn.Identity(), x)
    assert y.data_ptr() == x.data_ptr()
    assert y.is_contiguous(memory_format=memory_format)


def test_nothing_is_done_where_no_axis_has_length_1() -> None:
    x = torch.randn(2, 6, 3, 4)
    assert guarded_norm(nn.Identity().eval(), x) is x


@pytest.mark.parametrize('of_input', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('of_grad', [torch.contiguous_format, torch.channels_last])
def test_the_gradient_in_training_has_the_format_of_the_input(
    of_input: torch.memory_format, of_grad: torch.memory_format
) -> None:
    x = torch.randn(2, 6, 3, 4).contiguous(memory_format=of_input).requires_grad_()
    seen: list[Tensor] = []
    norm = nn.BatchNorm2d(6)
    norm.register_full_backward_hook(lambda *args: seen.append(args[2][0]))
    guarded_norm(norm, x).backward(torch.randn(2, 6, 3, 4).contiguous(memory_format=of_grad))
    assert seen[0].is_contiguous(memory_format=of_input)


def test_one_value_a_channel_is_normed_by_running_statistics() -> None:
    """A linear layer on one RoI: torch's batch norm would refuse to train on it."""
    norm = nn.BatchNorm2d(6)
    norm.running_mean.uniform_()
    x = torch.randn(1, 6, 1, 1, requires_grad=True)
    y = guarded_norm(norm, x)
    torch.testing.assert_close(y, norm.eval()(x))
    y.sum().backward()
    assert x.grad is not None and norm.weight.grad is not None
