"""The kinds of values that a tensor of a traced forward pass can hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spikes:
    """Integers ``0..D`` over ``norm``: the output of a neuron, copies, sums or products of spikes.

    Args:
        neurons: Names of the neurons; several for a sum or a product, or for spikes joined in one
            tensor.
        D: Largest integer; for spikes up to n and spikes up to m, ``n + m`` of their sum and
            ``n * m`` of their product.
        norm: Divisor; the value times ``norm`` is the integer.
        mean: Mean integer of the call that emitted the spikes, or of the sum or product.
        zeros: Share of zeros among the integers.
    """

    neurons: tuple[str, ...]
    D: int
    norm: float
    mean: float
    zeros: float

    @property
    def neuron(self) -> str:
        """Names of all neurons, joined to one name for a table."""
        return ' + '.join(self.neurons)


@dataclass(frozen=True)
class Real:
    """Numbers that depend on the input and are not spikes.

    Args:
        upstream: The last spikes that the numbers were made from; None for pixels, and for numbers
            made of pixels alone.
        summed: Whether the numbers include a sum of two values that depend on the input, as in a
            residual sum. Such numbers are a membrane, not the effect of one neuron's spikes.
    """

    upstream: Spikes | None = None
    summed: bool = False


@dataclass(frozen=True)
class Constant:
    """Numbers that are the same for every input: weights, positions, scalars."""


CONSTANT = Constant()
Value = Spikes | Real | Constant
