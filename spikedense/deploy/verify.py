"""Finds the multiplications of a model that have no spiking factor."""

from dataclasses import dataclass

from torch import Tensor, nn

from spikedense.tracing import Constant, Real, trace_network


@dataclass(frozen=True)
class RealMultiplication:
    """A multiplication without a spiking factor.

    Args:
        module: Name of the module that multiplies.
        operation: Name of the operation in torch.
        kind: ``'real x real'``, or ``'real x constant'`` for weights and scalars.
        pixels: Whether the real factor is the image, or was made of the image without a neuron.
        neuron: Whether the multiplication belongs to a neuron's dynamics (leak, input decay).
        times: Number of multiplications for each image.
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
    """Run a model and list the multiplications without a spiking factor.

    Operations that do not depend on the image are not listed, because they can be computed once.
    Interpolation, means, norms, softmax and sigmoid count as multiplications. Additions,
    comparisons and copies do not.

    Args:
        model: The model, in eval mode.
        images: Normalised images, ``[B, C, H, W]``.
        **how: See :func:`spikedense.tracing.network_outputs`.

    Returns:
        The multiplications, in the order of the forward pass.
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
