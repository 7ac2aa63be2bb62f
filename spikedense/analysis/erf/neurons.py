"""The neurons on which a receptive field depends."""

from collections import Counter

from torch import nn

from spikedense.neurons import BaseNeuron


def assumptions(network: nn.Module) -> dict[str, str]:
    """Describe the different neurons of a network, and the gradients of their spikes.

    Args:
        network: The network.

    Returns:
        Settings of a neuron, as ``'NILIF(D=4, norm=4, stateful=True, beta=0.25)'`` -> number of
        such neurons and their surrogate gradient.
    """
    found = [module for module in network.modules() if isinstance(module, BaseNeuron)]
    kinds = Counter((neuron.settings(), neuron.surrogate_gradient()) for neuron in found)
    return {
        settings: f'{number} neurons, gradient: {gradient}'
        for (settings, gradient), number in kinds.items()
    }
