"""What an operation makes of spikes, real values and constants."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .rules import PRODUCTS, SUMS, aten
from .values import Constant, Real, Spikes, Value


def joined(values: Sequence[Value]) -> Value:
    """Return what joined tensors hold: spikes, if all are spikes of the same D and norm."""
    grids = {(x.D, x.norm) if isinstance(x, Spikes) else None for x in values}
    first = values[0]
    if len(grids) == 1 and isinstance(first, Spikes):
        return replace(first, neurons=all_neurons(values))
    return Real(last_spikes(values), summed=True)


def all_neurons(values: Sequence[Value]) -> tuple[str, ...]:
    """Return the neurons that emitted the spikes in some values, each neuron once."""
    names = [name for value in values if isinstance(value, Spikes) for name in value.neurons]
    return tuple(dict.fromkeys(names))


def grid_of_result(
    packet: Any, values: Sequence[Value], kwargs: dict[str, Any]
) -> tuple[int, float] | None:
    """Return D and norm of a result that is made of integers again, as spikes are.

    These are the sum of two spiking tensors of one scale, and the product of any two of them.

    Args:
        packet: The operation.
        values: What its tensors hold.
        kwargs: Its other arguments.

    Returns:
        D and norm; None if the result is real.
    """
    if len(values) != 2:
        return None
    x, y = values
    if not (isinstance(x, Spikes) and isinstance(y, Spikes)):
        return None
    if packet in PRODUCTS:
        return x.D * y.D, x.norm * y.norm
    adds = packet in (aten.add, aten.add_) and kwargs.get('alpha', 1) == 1
    return (x.D + y.D, x.norm) if adds and x.norm == y.norm else None


def is_summed(packet: Any, values: Sequence[Value]) -> bool:
    """Tell whether a result is, or is made of, a sum of values that depend on the input."""
    depending = [x for x in values if not isinstance(x, Constant)]
    if packet in SUMS and len(depending) > 1:
        return True
    return any(isinstance(x, Real) and x.summed for x in values)


def last_spikes(values: Sequence[Value]) -> Spikes | None:
    """Return the last spikes that went into a result, None if there are none."""
    for value in values:
        if isinstance(value, Spikes):
            return value
    for value in values:
        if isinstance(value, Real) and value.upstream is not None:
            return value.upstream
    return None
