"""The plain re-statement of a model: the same arithmetic in torch's ordinary operations.

It is not meant to be fast or lean. The neurons, attention and sampling of this package are held
against it: their results and gradients by the tests, their time and memory by the benchmark.
"""

from typing import Any

import torch
from torch import Tensor, nn

from spikedense.models.backbones.base import SpikeDrivenBackbone
from spikedense.models.layers import AttentionProduct
from spikedense.models.pixel_decoders import DeformSample
from spikedense.neurons import IF, ILIF, LIF, NILIF, PLIF, BaseNeuron


def restate_plainly(model: nn.Module) -> None:
    """Turns a model into its plain re-statement; parameters, buffers and their names stay.

    - Neurons loop over the steps in ordinary operations, of which autograd stores what it needs.
    - Attention multiplies in quadratic order.
    - Deformable sampling gathers the four corners of each place.
    - No block recomputes its activations in the backward pass.

    Convolutions, norms and losses are left alone. It is not for autocast, out of which the neurons
    and the attention of this package step by themselves.

    Args:
        model: the model, changed in place.

    Raises:
        ValueError: a neuron keeps its state between calls, or is of a kind not known here.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, BaseNeuron):
                setattr(module, name, _plain_neuron(child))
        if isinstance(module, AttentionProduct):
            module.order = 'quadratic'
        elif isinstance(module, DeformSample):
            module.function = gather_sample
        elif isinstance(module, SpikeDrivenBackbone):
            module.with_cp = False


def _plain_neuron(neuron: BaseNeuron) -> nn.Module:
    """The plain re-statement of a neuron.

    Args:
        neuron: NI-LIF, I-LIF, LIF, IF or PLIF.

    Returns:
        A module of the same function, ``[T, ...] -> [T, ...]``, with the same parameters.

    Raises:
        ValueError: the neuron keeps its state between calls, or is of another kind.
    """
    if neuron.keep_state:
        raise ValueError(f'{neuron}: a neuron with keep_state has no plain re-statement')
    # Not their kin, which fire otherwise.
    if isinstance(neuron, NILIF) and type(neuron) in (NILIF, ILIF):
        return _PlainInteger(neuron)
    if isinstance(neuron, LIF | IF | PLIF):
        return _PlainBinary(neuron)
    raise ValueError(f'{neuron}: only NILIF, ILIF, LIF, IF and PLIF have a plain re-statement')


class _PlainInteger(nn.Module):
    """NI-LIF and I-LIF.

    Args:
        neuron: whose settings to take.
    """

    def __init__(self, neuron: NILIF) -> None:
        super().__init__()
        self.stateful = neuron.stateful
        self.D = neuron.D
        self.norm = neuron.norm
        self.beta = neuron.beta
        self.detach_reset = neuron.detach_reset
        self.half_up = neuron.rounding == 'half_up'
        self.open = neuron.window == 'open'

    def forward(self, x: Tensor) -> Tensor:
        """Currents ``[T, ...]`` -> spikes ``[T, ...]``."""
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
        """``clip(round(U), 0, D)``, whose gradient is that of the clipping alone."""
        clipped = potential.clamp(0, self.D)  # its gradient passes at 0 and at D
        if self.open:
            inside = (potential > 0) & (potential < self.D)
            clipped = torch.where(inside, clipped, clipped.detach())
        count = (clipped + 0.5).floor() if self.half_up else clipped.round()
        return clipped + (count - clipped).detach()


class _PlainBinary(nn.Module):
    """LIF, IF and PLIF, with the surrogate gradient of their node.

    Args:
        neuron: whose node to take.
    """

    def __init__(self, neuron: LIF | IF | PLIF) -> None:
        super().__init__()
        self.stateful = neuron.stateful
        self.node = neuron.node  # under the same name, for PLIF's parameter

    def forward(self, x: Tensor) -> Tensor:
        """Currents ``[T, ...]`` -> spikes ``[T, ...]``."""
        node = self.node
        rest = 0.0 if node.v_reset is None else node.v_reset
        rate, gain = self._rate_and_gain()
        membrane = torch.full_like(x[0] if self.stateful else x, rest)
        spikes = []
        for current in x if self.stateful else [x]:
            potential = membrane - rate * (membrane - rest) + gain * current
            spike = node.surrogate_function(potential - node.v_threshold)
            spikes.append(spike)
            fired = spike.detach() if node.detach_reset else spike
            if node.v_reset is None:
                membrane = potential - node.v_threshold * fired
            else:
                membrane = (1 - fired) * potential + rest * fired
        return torch.stack(spikes) if self.stateful else spikes[0]

    def _rate_and_gain(self) -> tuple[float | Tensor, float | Tensor]:
        """The leak of one step, and the share of the current that reaches the membrane."""
        node = self.node
        if not hasattr(node, 'decay_input'):
            return 0.0, 1.0
        rate = torch.sigmoid(node.w) if hasattr(node, 'w') else 1.0 / node.tau
        return rate, rate if node.decay_input else 1.0


def gather_sample(
    value: Tensor, offset: Tensor, weight: Tensor, kernel_size: int = 3, dilation: int = 1
) -> Tensor:
    """:func:`spikedense.ops.deform_sample` by four gathered corners a place.

    Args:
        value: ``[N, C, H, W]``.
        offset: (x, y) in pixels, ``[N, G, K, 2, H, W]``.
        weight: ``[N, G, K, H, W]``.
        kernel_size: side of the kernel, ``K = kernel_size ** 2``.
        dilation: distance of the kernel's points.

    Returns:
        ``[N, C, H, W]``.
    """
    groups, points, _, height, width = offset.shape[1:]
    maps = value.unflatten(1, (groups, -1)).flatten(3)  # [N, G, C/G, H*W]
    like: dict[str, Any] = dict(dtype=offset.dtype, device=offset.device)
    taps = dilation * (torch.arange(kernel_size, **like) - (kernel_size - 1) / 2)
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
