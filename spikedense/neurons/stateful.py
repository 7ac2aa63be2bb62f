"""Neurons with and without memory of earlier steps, chosen by name in a model that exists."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap

from .base import BaseNeuron


def set_stateful(
    model: nn.Module, flag: bool, include: str | Sequence[str] = '*', key: str = 'include'
) -> list[str]:
    """Switch the memory of some neurons of a model on or off.

    A neuron without memory (``flag=False``) gives at each step what it gives at the first step
    after a reset: ``S[t] = f(X[t])``. Its weights and its convention of charging stay: a
    :class:`LIF` with ``decay_input`` still charges ``X / tau``. For ``V[t] = X[t]``, build the
    neurons with ``decay_input=False``. Such a neuron keeps nothing for the next call either: its
    ``keep_state`` becomes False.

    Args:
        model: The model, maybe inside a wrapper; changed in place.
        flag: Whether the steps of the neurons follow each other in time.
        include: Patterns of names, in which ``*`` stands for anything, also for dots. A pattern
            chooses a neuron by its own name (``'*.neuron'``) or by the name of a module around it
            (``'backbone.stages.0'``).
        key: Name of ``include`` in the words of the user, for errors.

    Returns:
        Names of the chosen neurons, in the order of the model.

    Raises:
        UserError: A pattern chooses no neuron, or a neuron that this function cannot switch. Then
            nothing is changed.
    """
    inner = unwrap(model)
    patterns = [include] if isinstance(include, str) else list(include)
    neurons = {name: m for name, m in inner.named_modules() if isinstance(m, BaseNeuron)}
    foreign = [name for name in _foreign(inner) if any(_fits(name, one) for one in patterns)]
    if foreign:
        raise UserError(
            f"{key}={patterns} chooses '{foreign[0]}', a {type(inner.get_submodule(foreign[0]))} "
            'with a memory of its own, expected neurons of spikedense'
        )
    for pattern in patterns:
        if not any(_fits(name, pattern) for name in neurons):
            hint = f"such as '{next(iter(neurons))}'" if neurons else 'but this model has none'
            raise UserError(
                f'{key} has {pattern!r}, which matches no spiking neuron of '
                f'{type(inner).__name__}, expected names of neurons or of modules with neurons, '
                + hint
            )
    chosen = [name for name in neurons if any(_fits(name, one) for one in patterns)]
    for name in chosen:
        neurons[name].reset()
        neurons[name].stateful = flag
        if not flag:
            neurons[name].keep_state = False
    return chosen


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f'{pattern}.*')


def _foreign(model: nn.Module) -> list[str]:
    """Name the modules that have a memory, but are no neurons of spikedense nor parts of one.

    Such a module has the attribute ``v`` and the method ``reset``, as all neurons of SpikingJelly.
    """
    neurons = [m for m in model.modules() if isinstance(m, BaseNeuron)]
    inside = {id(part) for neuron in neurons for part in neuron.modules()}
    return [
        name
        for name, m in model.named_modules()
        if id(m) not in inside and hasattr(m, 'v') and callable(getattr(m, 'reset', None))
    ]
