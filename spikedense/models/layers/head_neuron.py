"""The neuron of heads that are called several times in a forward pass."""

from typing import Any

from spikedense.neurons import neuron_or_default


def head_neuron(owner: str, neuron_cfg: dict[str, Any] | None) -> dict[str, Any]:
    """The neuron of a head, one set of layers for all levels of a pyramid or for any RoIs.

    Args:
        owner: Class of the head, for the error.
        neuron_cfg: The neuron; None means ``dict(type='NILIF', D=4)``.

    Returns:
        The config.

    Raises:
        ValueError: The neuron keeps its state: the next level would start from the last one's.
    """
    neuron_cfg = neuron_or_default(neuron_cfg)
    if neuron_cfg.get('keep_state'):
        raise ValueError(
            f'{owner}: neuron_cfg has keep_state=True, expected False: its layers see levels or '
            'sets of RoIs one after the other, which are no stream'
        )
    return neuron_cfg
