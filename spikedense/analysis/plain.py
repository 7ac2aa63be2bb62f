"""The plain re-statement of a model: the same arithmetic in torch's ordinary operations.

The re-statement is not meant to be fast or lean. Tests compare the results and gradients of the
neurons, attention and sampling of this package with it; the benchmark compares time and memory.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.models.layers import AttentionProduct, DeformSample
from spikedense.neurons import (
    HSL,
    IF,
    ILIF,
    LIF,
    MBPL,
    NILIF,
    PLIF,
    RL,
    BaseNeuron,
    LIFUnits,
    StrictLIF,
)
from spikedense.utils.answers import ClassTable

#: Class -> function that returns the plain re-statement of a module: a new or the changed module.
_PLAIN: ClassTable[Callable[[Any], nn.Module]] = ClassTable()

#: Return a decorator that registers the plain re-statement of some classes.
plain_of = _PLAIN.register


def restate_plainly(model: nn.Module) -> None:
    """Turn a model into its plain re-statement; parameters, buffers and their names stay.

    - Neurons loop over the steps in ordinary operations, differentiated by autograd.
    - Attention multiplies in quadratic order.
    - Deformable sampling gathers the four corners of each place.
    - No block computes its activations again in the backward pass.

    Convolutions, norms and losses do not change. Do not use the re-statement under autocast: the
    original neurons and attention switch autocast off for themselves, the re-statement does not.

    Args:
        model: The model, changed in place.

    Raises:
        ValueError: A neuron keeps its state between calls, or is of a kind that is not registered.
    """
    module: Any
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            plain = _PLAIN.find(child)
            if plain is not None:
                setattr(module, name, plain(child))
            elif isinstance(child, BaseNeuron):
                known = ', '.join(c.__name__ for c in _PLAIN.classes if issubclass(c, BaseNeuron))
                raise ValueError(f'{child}: only {known} have a plain re-statement')
        if hasattr(module, 'with_cp'):
            module.with_cp = False


def _check_state(neuron: BaseNeuron) -> None:
    if neuron.keep_state:
        raise ValueError(f'{neuron}: a neuron with keep_state has no plain re-statement')


@plain_of(AttentionProduct)
def _quadratic(product: AttentionProduct) -> nn.Module:
    product.order = 'quadratic'
    return product


@plain_of(DeformSample)
def _gathered(sample: DeformSample) -> nn.Module:
    sample.function = gather_sample
    return sample


@plain_of(NILIF, ILIF)
class _PlainInteger(nn.Module):
    """NI-LIF and I-LIF.

    Args:
        neuron: Neuron with the settings.
    """

    def __init__(self, neuron: NILIF) -> None:
        super().__init__()
        _check_state(neuron)
        self.stateful = neuron.stateful
        self.D = neuron.D
        self.norm = neuron.norm
        self.beta = neuron.beta
        self.detach_reset = neuron.detach_reset
        self.half_up = neuron.rounding == 'half_up'
        self.open = neuron.window == 'open'

    def forward(self, x: Tensor) -> Tensor:
        """Turn currents ``[T, ...]`` into spikes ``[T, ...]``."""
        if not self.stateful:
            return self._fire(x) / self.norm
        membrane = torch.zeros_like(x[0])
        spikes = []
        for current in x:
            potential = membrane + current
            count = self._fire(potential)
            spikes.append(count / self.norm)
            membrane = self.beta * (potential - (count.detach() if self.detach_reset else count))
        return torch.stack(spikes)

    def _fire(self, potential: Tensor) -> Tensor:
        """Compute ``clip(round(U), 0, D)`` with the gradient of the clipping alone."""
        clipped = potential.clamp(0, self.D)  # the gradient at 0 and at D is 1
        if self.open:
            inside = (potential > 0) & (potential < self.D)
            clipped = torch.where(inside, clipped, clipped.detach())
        count = (clipped + 0.5).floor() if self.half_up else clipped.round()
        return clipped + (count - clipped).detach()


@plain_of(LIF, IF, PLIF)
class _PlainBinary(nn.Module):
    """LIF, IF and PLIF, with the surrogate gradient of their node.

    Args:
        neuron: Neuron with the node.
    """

    def __init__(self, neuron: LIF | IF | PLIF) -> None:
        super().__init__()
        _check_state(neuron)
        self.stateful = neuron.stateful
        self.node = neuron.node  # same name, so that PLIF's parameter keeps its key
        self.dynamics = [neuron]  # in a list, so that it is not registered as a sub-module

    def forward(self, x: Tensor) -> Tensor:
        """Turn currents ``[T, ...]`` into spikes ``[T, ...]``."""
        node = self.node
        rest = 0.0 if node.v_reset is None else node.v_reset
        rate, gain = self.dynamics[0].leak(), self.dynamics[0].input_gain()
        membrane = torch.full_like(x[0] if self.stateful else x, rest)
        spikes = []
        for current in x if self.stateful else [x]:
            potential = membrane - rate * (membrane - rest) + gain * current
            spike = self._fire(potential - node.v_threshold)
            spikes.append(spike)
            fired = spike.detach() if node.detach_reset else spike
            if node.v_reset is None:
                membrane = potential - node.v_threshold * fired
            else:
                membrane = (1 - fired) * potential + rest * fired
        return torch.stack(spikes) if self.stateful else spikes[0]

    def _fire(self, excess: Tensor) -> Tensor:
        """Compute the spikes of the potential above the threshold."""
        return self.node.surrogate_function(excess)


@plain_of(StrictLIF)
class _PlainStrict(_PlainBinary):
    """LIF that does not fire at its threshold."""

    def _fire(self, excess: Tensor) -> Tensor:
        return 1 - self.node.surrogate_function(-excess)


@plain_of(RL, MBPL, HSL)
class _PlainUnits(nn.Module):
    """RL, MBPL and HSL, unit by unit and step by step.

    Args:
        neuron: Neuron with the settings.
    """

    def __init__(self, neuron: LIFUnits) -> None:
        super().__init__()
        _check_state(neuron)
        self.dynamics = [neuron]  # in a list, so that it is not registered as a sub-module

    def forward(self, x: Tensor) -> Tensor:
        """Turn currents ``[T, ...]`` into spikes ``[T, ...]``."""
        (neuron,) = self.dynamics
        membranes: list[Tensor | None] = [None] * len(neuron.thresholds)
        spikes = []
        for current in x if neuron.stateful else [x]:
            counts, membranes = neuron.step(current, membranes)
            spikes.append(counts)
        return torch.stack(spikes) if neuron.stateful else spikes[0]


def gather_sample(value: Tensor, offset: Tensor, weight: Tensor, kernel_size: int = 3) -> Tensor:
    """Compute :func:`spikedense.ops.deform_sample` by gathering four corners per place.

    Args:
        value: ``[N, C, H, W]``.
        offset: (x, y) in pixels, ``[N, G, K, 2, H, W]``.
        weight: ``[N, G, K, H, W]``.
        kernel_size: Side of the kernel, ``K = kernel_size ** 2``.

    Returns:
        ``[N, C, H, W]``.
    """
    groups, points, _, height, width = offset.shape[1:]
    maps = value.unflatten(1, (groups, -1)).flatten(3)  # [N, G, C/G, H*W]
    like: dict[str, Any] = dict(dtype=offset.dtype, device=offset.device)
    taps = torch.arange(kernel_size, **like) - (kernel_size - 1) / 2
    dx, dy = (d.reshape(-1, 1, 1) for d in torch.meshgrid(taps, taps, indexing='ij'))
    x = torch.arange(width, **like) + dx + offset[:, :, :, 0]  # [N, G, K, H, W]
    y = torch.arange(height, **like)[:, None] + dy + offset[:, :, :, 1]
    left, top = x.detach().floor(), y.detach().floor()
    total = torch.zeros_like(value)
    for column, share_x in ((left, left + 1 - x), (left + 1, x - left)):
        for row, share_y in ((top, top + 1 - y), (top + 1, y - top)):
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            place = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
            place = place.flatten(2).unsqueeze(2).expand(-1, -1, maps.size(2), -1)
            corner = maps.gather(3, place).unflatten(3, (points, height, width))
            share = (weight * inside * share_x * share_y).unsqueeze(2)  # [N, G, 1, K, H, W]
            total = total + (corner * share).sum(3).flatten(1, 2)
    return total
