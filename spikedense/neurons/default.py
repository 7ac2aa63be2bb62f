"""The neuron of a model without ``neuron_cfg``."""

from typing import Any


def neuron_or_default(neuron_cfg: dict[str, Any] | None) -> dict[str, Any]:
    """Return a neuron config; the default is that of Spike2Former and Spike-driven Transformer V3.

    Args:
        neuron_cfg: Config of the neuron; None or an empty dict means ``dict(type='NILIF', D=4)``.
    """
    return neuron_cfg or dict(type='NILIF', D=4)
