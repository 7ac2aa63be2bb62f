"""Questions to a neuron, asked by folding and by export.

A class answers by a method of the question's name. A subclass that fires in another way has to
answer anew; the functions below refuse it by name otherwise (:func:`spikedense.utils.answers.ask`).
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from spikedense.utils.answers import Unfoldable, ask


def rescaled_input(neuron: nn.Module, gain: float) -> nn.Module:
    """Build a neuron that fires for X as another one does for ``gain * X``.

    Args:
        neuron: The other one; it is not changed.
        gain: Factor, above 0.

    Returns:
        The neuron, with the factor in its thresholds.

    Raises:
        Unfoldable: The neuron has no threshold that could take the factor.
    """
    return _answer(neuron, 'rescaled_input', 'has no threshold that could take it')(gain)


def after_sigmoid(neuron: nn.Module, steps: int) -> nn.Module:
    """Build a neuron that fires for X as another one does for ``sigmoid(X)``.

    Args:
        neuron: The other one; it is not changed.
        steps: Number of time steps T.

    Returns:
        The neuron.

    Raises:
        Unfoldable: There is no such neuron.
    """
    return _answer(neuron, 'after_sigmoid', 'does not round')(steps)


def comparing(neuron: nn.Module) -> nn.Module | None:
    """Build the neuron that compares with thresholds and fires as another one does.

    Args:
        neuron: The other one; it is not changed.

    Returns:
        The neuron in eval mode; None for a neuron that does not round.
    """
    try:
        method = ask(neuron, 'comparing')
    except Unfoldable:
        return None
    return None if method is None else method()


def from_rest(neuron: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the function of one step from rest, in plain operations and without a gradient.

    Args:
        neuron: The neuron.

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
