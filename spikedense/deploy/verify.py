"""Finds the multiplications of a model that have no spiking factor."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.tracing import Constant, Real, network_outputs, trace_network

from .fold import fold

#: Largest relative difference of outputs in float64.
_EXACT = 1e-6


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


def gap_beyond_rounding(x: Tensor, y: Tensor) -> float:
    """Return the largest difference of two tensors of float64; 0 if rounding explains it.

    Args:
        x: The expected tensor.
        y: The other tensor, of the same shape.
    """
    if not x.numel():
        return 0.0
    gap = (x - y).abs().max().item()
    return gap if gap > _EXACT * max(1.0, x.abs().max().item()) else 0.0


@torch.no_grad()
def fold_exactly(net: nn.Module, shape: Sequence[int], **how: Any) -> None:
    """Fold a model of one time step in place, and see that its outputs stay the same.

    The comparison and the folding run in float64, on random images.

    Args:
        net: The model, in eval mode and in float32.
        shape: Shape of its images, ``[B, C, H, W]``.
        **how: See :func:`spikedense.tracing.network_outputs`.

    Raises:
        ValueError: The folded model computes something else.
    """
    before = copy.deepcopy(net.double())
    fold(net, steps=1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(tuple(shape), dtype=torch.float64, generator=generator)
    pairs = (network_outputs(model, images, **how) for model in (before, net))
    for i, (x, y) in enumerate(zip(*pairs, strict=True)):
        gap = gap_beyond_rounding(x, y)
        if gap:
            raise ValueError(
                f'folding changes output {i} by {gap:.3g}: the model uses its layers in a way that '
                'folding does not know'
            )
    net.float()
