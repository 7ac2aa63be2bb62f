"""ONNX graphs that also give what their neurons emit."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from spike_driven import BOXES, Call, Calls, assert_fires_as_told, run, senders
from torch import Tensor, nn

from spikedense.deploy.onnx_runtime import OnnxNetwork
from spikedense.tracing import network_outputs

#: Operations, one of which is the last one of a neuron.
_LAST_OPERATIONS = ('Cast', 'Clip', 'Div', 'Floor', 'Mul', 'ReduceSum', 'Round')


class WatchedNetwork(OnnxNetwork):
    """The exported graphs, with what each neuron emits as one more output.

    Args:
        folder: the folder of the export.
        model: the model that was exported.
        size: height and width of the image.
    """

    def __init__(self, folder: Path, model: nn.Module, size: tuple[int, int]) -> None:
        super().__init__(folder)
        self.neurons = senders(model)
        #: What each neuron emits as integers, call by call, since :meth:`forget`.
        self.calls: Calls = {}
        #: The outputs of each run of a graph, since :meth:`forget`.
        self.given: list[tuple[Tensor, ...]] = []
        #: Of each graph: the neurons in the order of their calls, and the number of the output.
        self._watched: dict[str, list[tuple[str, int]]] = {}
        order = _order(model, size)
        for name, described in self.manifest['graphs'].items():
            graph = onnx.load(folder / described['file'])
            head = name if name in ('bbox_head', 'mask_head') else None
            inside = [call for call in order if _head_of(call[0]) == head]
            # The exporter merges neurons that do the same with the same potential.
            firsts = {key: neuron for neuron, key in reversed(inside)}
            keys = list(dict.fromkeys(key for _, key in inside))
            values = _emitted(graph, {neuron for neuron, _ in inside})
            for key, (scope, _) in zip(keys, values, strict=True):
                assert _stands_in(firsts[key], scope), f'{scope} was taken for {firsts[key]}'
            self._watched[name] = [(neuron, keys.index(key)) for neuron, key in inside]
            graph.graph.output.extend(onnx.ValueInfoProto(name=value) for _, value in values)
            self.sessions[name] = onnxruntime.InferenceSession(
                graph.SerializeToString(), providers=['CPUExecutionProvider']
            )

    def forget(self) -> None:
        """Forget the runs so far."""
        self.calls = {}
        self.given = []

    def run(self, graph: str, x: Tensor) -> tuple[Tensor, ...]:
        """See :class:`OnnxNetwork`; what the neurons emit is kept, not returned."""
        outs = super().run(graph, x)
        number = len(self.manifest['graphs'][graph]['outputs'])
        for name, index in self._watched[graph]:
            counts = (outs[number + index] * self.neurons[name].scale).round()
            self.calls.setdefault(name, []).append(Call(torch.empty(0), counts))
        self.given.append(outs[:number])
        return outs[:number]


@torch.no_grad()
def _order(model: nn.Module, size: tuple[int, int]) -> list[tuple[str, Any]]:
    """Neurons in the order of their calls, each with what it does: its kind and its potential."""
    order: list[tuple[str, Any]] = []

    def note(name: str) -> Any:
        def before(neuron: nn.Module, args: tuple) -> None:
            (x,) = args
            order.append((name, (str(neuron), tuple(x.shape), x.numpy().tobytes())))

        return before

    with ExitStack() as stack:
        for name, neuron in senders(model).items():
            stack.callback(neuron.register_forward_pre_hook(note(name)).remove)
        network_outputs(model, torch.rand(1, 3, *size), boxes=BOXES)
    return order


def assert_same(found: Tensor, expected: Tensor) -> None:
    """Equal but for rounding, and not trivially so."""
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def assert_agree(model: Any, network: WatchedNetwork, images: Tensor) -> tuple[Tensor, ...]:
    """The only graph computes what the model does, spike by spike; returns its outputs."""
    outs = network(images)
    calls, expected = run(model, images, forced=network.calls)
    assert_fires_as_told(model, calls, network.calls)
    for found, x in zip(outs, expected, strict=True):
        assert_same(found, x[-1] if network.manifest['kind'] == 'mask classifier' else x)
    network.forget()
    return outs


def _head_of(neuron: str) -> str | None:
    """The second stage's head in which a neuron stands; its graph has the same name."""
    first, _, rest = neuron.partition('.')
    return rest.partition('.')[0] if first == 'roi_head' else None


def _emitted(graph: Any, neurons: set[str]) -> list[tuple[str, str]]:
    """The places of neurons and the values that they emit, in the order of the graph.

    The exporter names a node by the modules whose calls it is in, as
    ``/part/backbone/blocks.0/token_mixer/expand/neuron/Clip``. What a neuron emits is the value
    that is read elsewhere only: of two neurons that differ in their rounding, the first one lends
    the other what both do before it. A block may have a layer and a neuron of one name (``attn``),
    which are then one place to the exporter: what ends in none of the operations of a neuron is
    the layer's.
    """
    nodes = [(node.name.rpartition('/')[0], node) for node in graph.graph.node]
    readers: dict[str, set[str]] = {}
    for scope, node in nodes:
        for value in node.input:
            readers.setdefault(value, set()).add(scope)
    return [
        (scope, value)
        for scope, node in nodes
        for value in node.output
        if node.op_type in _LAST_OPERATIONS
        and scope not in readers.get(value, {scope})
        and any(_stands_in(n, scope) for n in neurons)
    ]


def _stands_in(neuron: str, scope: str) -> bool:
    """Whether a place may be that of a neuron; lists of modules have none, so that names recur."""
    return f'.{neuron}'.endswith('.' + re.sub(r'_\d+$', '', scope.rpartition('/')[2]))
