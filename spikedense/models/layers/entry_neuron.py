"""The neuron at the entry of a mixer."""

from typing import Any

from torch import nn

from spikedense.neurons import build_neuron


def entry_neuron(
    neuron_cfg: dict[str, Any], reads_spikes: bool, channels: int | None = None
) -> nn.Module:
    """Return the first module of a mixer: a neuron, or nothing if the input is spikes already.

    In a block with membrane shortcuts the input is a membrane potential, so a mixer begins with a
    neuron. In a :class:`SpikeSumBlock` the input is a sum of spikes, which the first weighted
    layers of a mixer read directly.

    Args:
        neuron_cfg: Config of the neuron.
        reads_spikes: Whether the input is spikes.
        channels: Channels of the input, see :func:`build_neuron`.
    """
    return nn.Identity() if reads_spikes else build_neuron(neuron_cfg, channels)
