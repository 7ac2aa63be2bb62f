"""NIR nodes of neurons, registered by the class of the neuron."""

from collections.abc import Callable
from typing import Any

import numpy as np

from spikedense.neurons import IF, LIF, PLIF, BaseNeuron, StrictLIF
from spikedense.utils.answers import ClassTable

from .onnx_export import ExportError

#: Builds a node from a neuron, the shape of its input, ``[C, H, W]``, and the time step in seconds.
MakeNode = Callable[[Any, tuple[int, ...], float], Any]

_NODES: ClassTable[MakeNode] = ClassTable()

#: Return a decorator that registers the NIR node of some neurons.
nir_node_of = _NODES.register


def check_neuron(name: str, neuron: Any) -> None:
    """Refuse a neuron that NIR cannot express.

    Args:
        name: Name of the neuron in the model.
        neuron: The neuron, or an activation that emits real values.

    Raises:
        ExportError: NIR has no such neuron.
    """
    where = f"'{name}'"
    if _NODES.find(neuron) is None:
        kind = f'{type(neuron).__name__} with D={neuron.D}'
        reason = 'NIR has no neuron that emits integers or real values'
        if isinstance(neuron, BaseNeuron) and neuron.D == 1:
            reason = getattr(neuron, 'no_nir', 'NIR has no neuron that rounds its membrane')
        raise ExportError(
            f'{where} is a {kind}: {reason}, so nothing can be exported; expected LIF, IF or PLIF'
        )
    if neuron.node.v_reset is None:
        raise ExportError(
            f'{where} resets by subtraction (v_reset=None), but a neuron of NIR resets to a '
            'potential; nothing can be exported'
        )
    if not neuron.stateful:
        raise ExportError(
            f'{where} has stateful=False, but a neuron of NIR keeps its membrane from step to '
            'step; nothing can be exported'
        )


def neuron_node(neuron: Any, shape: tuple[int, ...], dt: float) -> Any:
    """Build the NIR node of a neuron, see :func:`spikedense.deploy.nir_export.export_nir`.

    Args:
        neuron: A neuron that :func:`check_neuron` accepts.
        shape: Shape of the neuron's input, ``[C, H, W]``.
        dt: Length of a time step in seconds.
    """
    make = _NODES.find(neuron)
    assert make is not None, 'check_neuron comes first'
    return make(neuron, shape, dt)


@nir_node_of(IF)
def _integrate_and_fire(neuron: Any, shape: tuple[int, ...], dt: float) -> Any:
    import nir

    return nir.IF(r=_full(1 / dt, shape), **_potentials(neuron, shape))


@nir_node_of(LIF, PLIF, StrictLIF)
def _leaky_integrate_and_fire(neuron: Any, shape: tuple[int, ...], dt: float) -> Any:
    import nir

    tau = 1 / float(neuron.leak())
    return nir.LIF(
        tau=_full(tau * dt, shape),
        r=_full(1 if neuron.node.decay_input else tau, shape),
        v_leak=_full(neuron.node.v_reset, shape),
        **_potentials(neuron, shape),
    )


def _potentials(neuron: Any, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    node = neuron.node
    return dict(v_threshold=_full(node.v_threshold, shape), v_reset=_full(node.v_reset, shape))


def _full(value: float, shape: tuple[int, ...]) -> np.ndarray:
    # All elements share one number in memory; the file holds a number for each element.
    return np.broadcast_to(np.float64(value), shape)
