"""Integer firing: values, gradient window, memory."""

import pytest
import torch

from spikedense.ops import fire_integer

U = [-1, -0.5, 0, 0.49, 0.5, 0.51, 1.5, 2.5, 3.5, 4, 4.4, 9]


@pytest.mark.parametrize(
    ('rounding', 'expected'),
    [
        ('even', [0, 0, 0, 0, 0, 1, 2, 2, 4, 4, 4, 4]),
        ('half_up', [0, 0, 0, 0, 1, 1, 2, 3, 4, 4, 4, 4]),
    ],
)
def test_values(rounding: str, expected: list[int]) -> None:
    out = fire_integer(torch.tensor(U), 4, rounding=rounding)
    assert out.tolist() == expected


@pytest.mark.parametrize(
    ('window', 'expected'),
    [
        ('closed', [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]),
        ('open', [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]),
    ],
)
def test_gradient_window(window: str, expected: list[int]) -> None:
    u = torch.tensor(U, requires_grad=True)
    fire_integer(u, 4, norm=4, window=window).sum().backward()
    assert (u.grad * 4).tolist() == expected


def test_graph_keeps_one_byte_an_element() -> None:
    saved = []
    u = torch.randn(1000, requires_grad=True) * 1.0  # not a leaf: nobody else keeps it
    with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda x: x):
        fire_integer(u, 4, norm=4)
    assert [(x.numel(), x.element_size()) for x in saved] == [(1000, 1)]


def test_nothing_is_kept_without_gradient() -> None:
    with torch.no_grad():
        out = fire_integer(torch.randn(8, requires_grad=True), 4)
    assert out.grad_fn is None


def test_input_is_left_alone() -> None:
    u = torch.randn(100)
    before = u.clone()
    fire_integer(u, 4, norm=4)
    assert torch.equal(u, before)


def test_memory_format_is_kept() -> None:
    u = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    out = fire_integer(u, 4)
    (grad,) = torch.autograd.grad(out, u, torch.ones_like(out))
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert grad.is_contiguous(memory_format=torch.channels_last)
