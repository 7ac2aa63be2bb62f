"""Which multiplications of two real values are left in a model."""

from dataclasses import dataclass

from torch import Tensor, nn

from spikedense.tracing import Constant, Real, trace_network


@dataclass(frozen=True)
class RealMultiplication:
    """A multiplication without a spiking factor.

    Args:
        module: Where it is.
        operation: What multiplies, as torch calls it.
        kind: ``'real x real'``, or ``'real x constant'`` for weights and scalars.
        pixels: Whether the real factor is the image, or was made of it without a neuron.
        neuron: Whether it belongs to a neuron's own dynamics (leak, input decay).
        times: How often, an image.
    """

    module: str
    operation: str
    kind: str
    pixels: bool
    neuron: bool
    times: float


def real_multiplications(
    model: nn.Module, images: Tensor, **how: object
) -> list[RealMultiplication]:
    """Runs a model and lists the multiplications in which no factor is made of spikes.

    What does not depend on the image is not listed: it can be computed once. Additions,
    comparisons and copies are no multiplications; interpolation, means, norms, softmax and sigmoid
    are.

    Args:
        model: The model, in eval mode.
        images: Normalised images, ``[B, C, H, W]``.
        **how: See :func:`spikedense.tracing.network_outputs`.

    Returns:
        In the order in which they run.
    """
    found = []
    trace = trace_network(model, images, **how)
    for op in trace.operations:
        if not op.multiplies_reals:
            continue
        alone = len(op.operands) == 1 or any(isinstance(x, Constant) for x in op.operands)
        found.append(
            RealMultiplication(
                module=op.module,
                operation=op.name,
                kind='real x constant' if alone else 'real x real',
                pixels=all(x.upstream is None for x in op.operands if isinstance(x, Real)),
                neuron=op.inside_neuron,
                times=op.macs / trace.images,
            )
        )
    return found
