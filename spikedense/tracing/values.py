"""What a tensor of a traced forward pass holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spikes:
    """What a neuron emitted: integers ``0..D`` over ``norm``, or copies and views of them.

    Args:
        neuron: name of the neuron.
        D: largest integer.
        norm: divisor; the value times it is the integer.
        mean: mean integer of the call that emitted them, a real step's spikes.
        zeros: share of zeros of that call.
    """

    neuron: str
    D: int
    norm: float
    mean: float
    zeros: float


@dataclass(frozen=True)
class Real:
    """Numbers that depend on the input and are no spikes.

    Args:
        upstream: the last spikes that they were made from; None for pixels and what is made of
            pixels alone.
        summed: whether two values that depend on the input were added up on the way, as in a
            residual sum: a membrane, and no longer what one neuron's spikes have caused.
    """

    upstream: Spikes | None = None
    summed: bool = False


@dataclass(frozen=True)
class Constant:
    """Numbers that are the same for every input: weights, positions, scalars."""


CONSTANT = Constant()
Value = Spikes | Real | Constant
