"""The operations that a trace finds."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .values import Constant, Real, Spikes, Value


@dataclass
class Operation:
    """All calls of one operation at one place with the same kinds of operands.

    Args:
        module: Name of the module that ran the operation.
        name: Name of the operation, ``'convolution'``, ``'bmm'``, ...
        operands: What the factors hold, in the order of the arguments; means are of the first call.
        inside_neuron: Whether the operation belongs to the dynamics of a neuron.
        contraction: Whether the operation is a sum of products; else it works element by element,
            or it is a sum of spikes along axes.
        calls: Number of calls.
        macs: Multiply-accumulates if nothing were sparse, all calls.
        synaptic: Additions that the spikes of a factor cause, counted with the true fan-out. If
            both factors are spikes, those of the second factor (``product`` counts pairs).
        single: Multiply-accumulates times the mean integer of the spiking factor (of two spiking
            factors, times the average of both means), all calls.
        product: Additions if integer times integer is expanded into pairs of spikes.
        upstream: Multiply-accumulates times the mean integer of the nearest neuron before the
            factors, if these are real.
        nonzero: Mean number of multiply-accumulates with a spiking factor that is not zero.
        weights: Elements of constant factors.
        inputs, outputs: Elements read and written, all calls.
        spike_inputs: Elements of the inputs that are spikes.
        repeats: Rows of the input for each image: T if an image was repeated before the operation.
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
        """The factors that are spikes."""
        return tuple(x for x in self.operands if isinstance(x, Spikes))

    @property
    def real(self) -> tuple[Real, ...]:
        """The factors that depend on the input and are not spikes."""
        return tuple(x for x in self.operands if isinstance(x, Real))

    @property
    def multiplies_reals(self) -> bool:
        """Whether no factor is spikes, and at least one factor depends on the input."""
        return bool(self.real) and not self.spikes

    @property
    def on_pixels(self) -> bool:
        """Whether the operation reads the image, or values made of the image without a neuron."""
        return self.multiplies_reals and all(x.upstream is None for x in self.real)


@dataclass
class Operations:
    """The operations of a trace.

    Args:
        items: The operations, in the order of their first call.
        images: Number of images that the model has read.
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
