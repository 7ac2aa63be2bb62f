"""The neuron of heads that run several times in one forward pass."""

from typing import Any

from spikedense.neurons import neuron_or_default


def head_neuron(owner: str, neuron_cfg: dict[str, Any] | None) -> dict[str, Any]:
    """Return the neuron config of a head whose layers run for each level or each set of RoIs.

    Args:
        owner: Class name of the head, for the error.
        neuron_cfg: Config of the neuron; None means ``dict(type='NILIF', D=4)``.

    Raises:
        ValueError: The config has ``keep_state=True``: a level would start from the membrane of
            the level before.
    """
    neuron_cfg = neuron_or_default(neuron_cfg)
    if neuron_cfg.get('keep_state'):
        raise ValueError(
            f'{owner}: neuron_cfg has keep_state=True, expected False: its layers run for each '
            'level or set of RoIs, and these are not steps of a stream'
        )
    return neuron_cfg
