"""Integer firing with a straight-through or a surrogate gradient."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ROUNDINGS = ('even', 'half_up')
WINDOWS = ('closed', 'open')


def _round_(x: Tensor, rounding: str) -> Tensor:
    """Round in place, ties to even or ties up."""
    return x.round_() if rounding == 'even' else x.add_(0.5).floor_()


class _Fire(torch.autograd.Function):
    """``clip(round(u), 0, D) / norm`` forward, a rectangle of height ``1 / norm`` backward."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, max_spikes: int, norm: float, rounding: str, window: str
    ) -> Tensor:
        spikes = u.clamp(0, max_spikes)
        if ctx.needs_input_grad[0]:
            # Inside the window, clamping changes nothing. The backward pass needs only one byte per
            # element, so the float input is not saved.
            inside = spikes == u
            if window == 'open':
                inside &= (spikes > 0) & (spikes < max_spikes)
            ctx.save_for_backward(inside)
            ctx.norm = norm
        spikes = _round_(spikes, rounding)
        return spikes if norm == 1 else spikes.div_(norm)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (inside,) = ctx.saved_tensors
        grad = grad * inside
        return grad if ctx.norm == 1 else grad.div_(ctx.norm), None, None, None, None


def fire_integer(
    u: Tensor,
    max_spikes: int,
    norm: float = 1.0,
    rounding: str = 'even',
    window: str = 'closed',
) -> Tensor:
    r"""Emit integers, as I-LIF and NI-LIF do.

    .. math::
        S = \mathrm{clip}(\mathrm{round}(U), 0, D) / \mathrm{norm}, \qquad
        \partial S / \partial U = 1 / \mathrm{norm} \text{ inside the window, else } 0

    Args:
        u: Membrane potential, any shape.
        max_spikes: Largest integer D.
        norm: Divisor of the output; 1 gives integers.
        rounding: ``'even'`` (ties to even, ``torch.round``) or ``'half_up'``.
        window: ``'closed'`` lets the gradient pass for ``0 <= U <= D``, ``'open'`` for
            ``0 < U < D``.

    Returns:
        Spikes of the shape and dtype of ``u``. The graph keeps one byte per element.
    """
    return _Fire.apply(u, max_spikes, norm, rounding, window)


class _FireSurrogate(torch.autograd.Function):
    """The number of thresholds that ``u`` reaches; the graph keeps ``u`` alone."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, thresholds: Sequence[float], surrogate: Callable[[Tensor], Tensor]
    ) -> Tensor:
        ctx.save_for_backward(u)
        ctx.thresholds, ctx.surrogate = thresholds, surrogate
        return _spikes(u, thresholds, lambda excess: (excess >= 0).to(u.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (u,) = ctx.saved_tensors
        total = torch.zeros_like(u)
        for threshold in ctx.thresholds:
            with torch.enable_grad():
                excess = (u.detach() - threshold).requires_grad_()
                spike = ctx.surrogate(excess)
            total += torch.autograd.grad(spike, excess, grad)[0]
        return total, None, None


def _spikes(u: Tensor, thresholds: Sequence[float], step: Callable[[Tensor], Tensor]) -> Tensor:
    total = step(u - thresholds[0])
    for threshold in thresholds[1:]:
        total += step(u - threshold)
    return total


def fire_surrogate(
    u: Tensor, thresholds: Sequence[float], surrogate: Callable[[Tensor], Tensor]
) -> Tensor:
    r"""Count the thresholds that each potential reaches, with a surrogate gradient.

    .. math::
        S = \sum_b \Theta(U - \theta_b)

    Args:
        u: Membrane potential, any shape.
        thresholds: The :math:`\theta_b`.
        surrogate: The step :math:`\Theta`, 1 from 0 on, with its surrogate gradient.

    Returns:
        Integers of the shape and dtype of ``u``. The graph keeps one number per element, however
        many thresholds there are; the backward pass computes the surrogates again.
    """
    return _FireSurrogate.apply(u, thresholds, surrogate)
