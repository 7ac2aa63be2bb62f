"""The list that a trace makes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .values import Constant, Real, Spikes, Value


@dataclass
class Operation:
    """All calls of one operation at one place with the same kinds of operands.

    Args:
        module: name of the module that it ran in.
        name: of the operation, ``'convolution'``, ``'bmm'``, ...
        operands: what its factors hold, in their order; means are those of the first call.
        inside_neuron: whether it belongs to a neuron's own dynamics.
        contraction: whether it is a sum of products; else it is element by element.
        calls: how often it was called.
        macs: multiply-accumulates if nothing were sparse, all calls.
        synaptic: additions that spikes cause, with their real fan-out, of the factor that is made
            of spikes; where both are, of the second one (``product`` counts pairs).
        single: multiply-accumulates times the mean integer of one factor made of spikes (of both,
            the average), all calls.
        product: additions where integer times integer is expanded into pairs of spikes.
        upstream: multiply-accumulates times the mean integer of the nearest neuron above, for
            factors that are real.
        nonzero: multiply-accumulates whose spiking factor is not zero, on average.
        weights: elements of constant factors.
        inputs, outputs: elements read and written, all calls.
        spike_inputs: those of the inputs that are spikes.
        repeats: rows of its input for each image: T where an image was repeated in front of it.
    """

    module: str
    name: str
    operands: tuple[Value, ...]
    inside_neuron: bool = False
    contraction: bool = True
    calls: int = 0
    macs: float = 0
    synaptic: float = 0
    single: float = 0
    product: float = 0
    upstream: float = 0
    nonzero: float = 0
    weights: int = 0
    inputs: int = 0
    spike_inputs: int = 0
    repeats: float = 1
    outputs: int = 0

    @property
    def spikes(self) -> tuple[Spikes, ...]:
        """The factors that are made of spikes."""
        return tuple(x for x in self.operands if isinstance(x, Spikes))

    @property
    def real(self) -> tuple[Real, ...]:
        """The factors that depend on the input and are no spikes."""
        return tuple(x for x in self.operands if isinstance(x, Real))

    @property
    def multiplies_reals(self) -> bool:
        """Whether no factor is made of spikes, and one depends on the input."""
        return bool(self.real) and not self.spikes

    @property
    def on_pixels(self) -> bool:
        """Whether its input is the image, or made of it without a neuron."""
        return self.multiplies_reals and all(x.upstream is None for x in self.real)


@dataclass
class Operations:
    """What a trace found.

    Args:
        items: the operations, in the order of their first call.
        images: number of images that were run.
    """

    items: list[Operation] = field(default_factory=list)
    images: int = 0

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def contractions(self) -> list[Operation]:
        """Sums of products that depend on the input."""
        return [
            op
            for op in self.items
            if op.contraction and not all(isinstance(x, Constant) for x in op.operands)
        ]
