"""What a tensor of a traced forward pass holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spikes:
    """Integers ``0..D`` over ``norm``: what a neuron emitted, copies of it, or sums of such spikes.

    Args:
        neurons: Names of the neurons, several for a sum or for spikes side by side in one tensor.
        D: Largest integer; of a sum of spikes up to n and up to m it is n + m.
        norm: Divisor; the value times ``norm`` is the integer.
        mean: Mean integer of the call that emitted the spikes, or of the sum.
        zeros: Share of zeros in it.
    """

    neurons: tuple[str, ...]
    D: int
    norm: float
    mean: float
    zeros: float

    @property
    def neuron(self) -> str:
        """Names of the neurons, as one name for a table."""
        return ' + '.join(self.neurons)


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
