"""Questions that folding and export ask a neuron.

A neuron answers by a method with the name of the question. A subclass that fires in another way
needs its own answer. Without it, the functions below refuse the subclass by name (see
:func:`spikedense.utils.answers.ask`).
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from spikedense.utils.answers import Unfoldable, ask


def rescaled_input(neuron: nn.Module, gain: float) -> nn.Module:
    """Build a neuron that fires for X as a given neuron fires for ``gain * X``.

    Args:
        neuron: The given neuron; it is not changed.
        gain: Factor, above 0.

    Returns:
        The new neuron, with the factor in its thresholds.

    Raises:
        Unfoldable: The given neuron has no threshold for the factor.
    """
    return _answer(neuron, 'rescaled_input', 'has no threshold that could take it')(gain)


def after_sigmoid(neuron: nn.Module, steps: int) -> nn.Module:
    """Build a neuron that fires for X as a given neuron fires for ``sigmoid(X)``.

    Args:
        neuron: The given neuron; it is not changed.
        steps: Number of time steps T.

    Returns:
        The new neuron.

    Raises:
        Unfoldable: No neuron fires in this way.
    """
    return _answer(neuron, 'after_sigmoid', 'does not round')(steps)


def comparing(neuron: nn.Module) -> nn.Module | None:
    """Build a neuron that compares with thresholds and fires as a given neuron does.

    Args:
        neuron: The given neuron; it is not changed.

    Returns:
        The new neuron in eval mode; None if the given neuron does not round.
    """
    try:
        method = ask(neuron, 'comparing')
    except Unfoldable:
        return None
    return None if method is None else method()


def from_rest(neuron: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the function of one step from rest, in plain operations and without a gradient.

    Returns:
        ``[T, ...] -> [T, ...]``; each element starts from rest.

    Raises:
        Unfoldable: The neuron has no such function.
    """
    return _answer(neuron, 'from_rest', 'has no step in plain operations')


def _answer(neuron: nn.Module, question: str, otherwise: str) -> Callable[..., Any]:
    try:
        method = ask(neuron, question)
    except Unfoldable:
        method = None
    if method is None:
        raise Unfoldable(f'{type(neuron).__name__} {otherwise}')
    return method
