"""Exports convolutions with LIF, PLIF or IF neurons as NIR graphs."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikedense.models.backbones import SpikeBackbone
from spikedense.models.layers import SpikeConv
from spikedense.neurons import BaseNeuron
from spikedense.utils.answers import Unfoldable, ask_or_none, is_exactly
from spikedense.utils.files import complete_or_absent

from .fold import fold
from .nir_neurons import check_neuron, neuron_node
from .onnx_export import ExportError, required

#: Length of a time step in seconds, the default of SpikingJelly.
DT = 1e-4


@dataclass(frozen=True)
class NirReport:
    """The exported parts of a model, and the parts that NIR cannot express.

    Args:
        path: The written file.
        dt: Length of a time step, in seconds.
        exported: Names of the convolutions and neurons that are nodes of the graph.
        outputs: Name of an output node -> shape, ``[C, H, W]``.
        left_out: Names of modules that are not in the graph, each with the reason.
    """

    path: Path
    dt: float
    exported: list[str]
    outputs: dict[str, tuple[int, int, int]]
    left_out: list[tuple[str, str]]


@dataclass
class _Graph:
    """The nodes and edges that were added so far."""

    dt: float
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, node: Any, sources: list[str]) -> None:
        """Add a node that reads the sum of some other nodes."""
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]


@dataclass(frozen=True)
class _Current:
    """A membrane current: the sum of the outputs of some nodes, all of one shape."""

    sources: list[str]
    shape: tuple[int, ...]

    def plus(self, other: '_Current') -> '_Current':
        return _Current([*self.sources, *other.sources], self.shape)


@torch.no_grad()
def export_nir(
    model: nn.Module, path: str | Path, size: tuple[int, int] = (64, 64), dt: float = DT
) -> NirReport:
    r"""Write the convolution stages of a backbone as a NIR graph.

    The nodes of NIR are weighted layers and neurons. A node adds up all edges that lead to it; the
    membrane shortcuts are such sums. The first stages of a backbone with LIF, PLIF or IF neurons
    are exported exactly, up to the first block that is not a chain of convolutions. RepConvs, norms
    and the separable convolutions of V2 are merged first (:func:`spikedense.deploy.fold`). For SDT,
    the stages 0 to 2 are exported. Later layers contain products of spikes, resizing or means over
    time; the report lists these layers. The graph reads the image at each time step, and outputs
    the membrane currents of each stage as ``stage_0``, ``stage_1`` and so on.

    The equations of NIR are continuous. LIF computes one Euler step of :math:`\Delta t` = ``dt``
    of :math:`\tau \dot v = (v_{leak} - v) + R I` with :math:`\tau = \tau_{ours} \Delta t`,
    :math:`R = 1` and :math:`v_{leak} = v_{reset}`:
    :math:`V \leftarrow V + (X - (V - V_{reset})) / \tau_{ours}`. If the input does not decay,
    :math:`R = \tau_{ours}`; for IF, :math:`R = 1 / \Delta t`. SpikingJelly uses the same
    convention: its ``import_from_nir(graph, dt)`` reads the file if no convolution has groups. The
    results do not depend on ``dt``, but a reader must use the same value. A neuron of NIR fires
    above the threshold; ours also fires at the threshold.

    Args:
        model: A segmentor, a detector or a backbone; it is copied.
        path: The file to write, ``*.nir``.
        size: Height and width of the image. The file grows with the image, although it is
            compressed, because NIR stores parameters for each neuron.
        dt: Length of a time step in seconds.

    Returns:
        A report of the exported parts and of the parts that were left out.

    Raises:
        ExportError: Nothing can be exported.
    """
    nir = required('nir')
    path = Path(path)
    if dt <= 0 or min(size) < 1:
        raise ExportError(f'dt={dt}, size={tuple(size)}, expected numbers above 0')
    net = copy.deepcopy(model).cpu().eval()
    prefix, backbone = _backbone_of(net)
    if not is_exactly(backbone, SpikeBackbone):
        raise ExportError(
            f'{type(backbone).__name__} overrides a method of SpikeBackbone, so its stages may not '
            'be all that it computes; nothing can be exported'
        )
    stages = _stages_of_convolutions(backbone)
    _check_neurons(prefix, stages)
    fold(net)
    graph = _Graph(dt)
    shape = (backbone.in_channels, *size)
    graph.add('input', nir.Input(input_type=np.array(shape)), [])
    current = _Current(['input'], shape)
    outputs: dict[str, tuple[int, int, int]] = {}
    for i, stage in enumerate(stages):
        current = _stage(graph, f'{prefix}stages.{i}', stage, current)
        name = f'stage_{i}'
        graph.add(name, nir.Output(output_type=np.array(current.shape)), current.sources)
        outputs[name] = current.shape  # type: ignore[assignment]
    exported = [name for name in graph.nodes if name not in ('input', *outputs)]
    # The type check of nir fails for grouped convolutions: it expects the channels of one group.
    grouped = any(getattr(node, 'groups', 1) > 1 for node in graph.nodes.values())
    _save(path, nir.NIRGraph(graph.nodes, graph.edges, type_check=not grouped))
    return NirReport(path, dt, exported, outputs, list(_left_out(net, prefix, len(outputs))))


def _backbone_of(net: Any) -> tuple[str, Any]:
    """Return the prefix of the backbone's names, and the backbone."""
    if isinstance(net, SpikeBackbone):
        return '', net
    backbone = getattr(net, 'backbone', None)
    if not isinstance(backbone, SpikeBackbone):
        raise ExportError(
            f'{type(net).__name__} with {type(backbone).__name__} as backbone has nothing that '
            'NIR export knows, expected a spiking backbone of this package, as SDTV2 or SDTV3'
        )
    return 'backbone.', backbone


def _stages_of_convolutions(backbone: Any) -> list[Any]:
    """Return the stages before the first one that has more than convolutions and sums."""
    found: list[Any] = []
    for stage in backbone.stages[: max(backbone.out_indices) + 1]:
        for module in (stage.downsample, *stage.blocks):
            if _is_expressible(module):
                continue
            if found:
                return found
            raise ExportError(
                f'the first stage of {type(backbone).__name__} has a {type(module).__name__} that '
                'is no chain of convolutions, so nothing can be exported'
            )
        found.append(stage)
    return found


def _is_expressible(module: Any) -> bool:
    branches = getattr(module, 'branches', None)
    parts = [module] if branches is None else branches.values()
    return all(_answer(part, 'chain') is not None for part in parts)


def _answer(module: Any, question: str) -> Any:
    """Return what a module answers, None if it does not answer."""
    method = ask_or_none(module, question)
    try:
        return None if method is None else method()
    except Unfoldable:
        return None


def _check_neurons(prefix: str, stages: list[Any]) -> None:
    """Refuse neurons that NIR cannot express, in the stages to export."""
    for i, stage in enumerate(stages):
        for name, module in stage.named_modules():
            if hasattr(module, 'D'):
                check_neuron(f'{prefix}stages.{i}.{name}', module)


def _stage(graph: _Graph, name: str, stage: Any, current: _Current) -> _Current:
    """Add the nodes of a stage: down-sampling, then blocks that add to the membrane."""
    current = _chain(graph, f'{name}.downsample', stage.downsample, current)
    for i, block in enumerate(stage.blocks):
        summands = _answer(block, 'summands')
        if summands is None:
            raise ExportError(
                f"'{name}.blocks.{i}' is a {type(block).__name__}, which does not say what it adds "
                'up, or has a layer scale that cannot be folded'
            )
        for key, branch in summands.items():
            where = f'{name}.blocks.{i}.{key}'
            current = current.plus(_chain(graph, where, branch, current))
    return current


def _chain(graph: _Graph, name: str, branch: Any, current: _Current) -> _Current:
    """Add a chain of convolutions."""
    layers = _answer(branch, 'chain')
    if layers is None:
        raise ExportError(f"'{name}' is a {type(branch).__name__}, which has no NIR form")
    for key, layer in layers.items():
        current = _conv(graph, f'{name}.{key}' if key else name, layer, current)
    return current


def _conv(graph: _Graph, name: str, layer: SpikeConv, current: _Current) -> _Current:
    """Add a neuron, if there is one, and a convolution."""
    import nir

    if layer.norm is not None:
        raise ExportError(
            f"'{name}' has a {type(layer.norm).__name__} that depends on its input: NIR has no "
            'norms, and it cannot be folded'
        )
    sources = current.sources
    if layer.neuron is not None:
        graph.add(f'{name}.neuron', neuron_node(layer.neuron, current.shape, graph.dt), sources)
        sources = [f'{name}.neuron']
    conv: Any = layer.conv
    if not is_exactly(layer, SpikeConv) or not is_exactly(conv, nn.Conv2d):
        kinds = f'{type(layer).__name__} with a {type(conv).__name__}'
        raise ExportError(f"'{name}' is a {kinds}, which has no NIR node")
    if conv.padding_mode != 'zeros':
        raise ExportError(f"'{name}' has padding_mode='{conv.padding_mode}', NIR pads by zeros")
    bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
    node = nir.Conv2d(
        input_shape=current.shape[1:],
        weight=_numpy(conv.weight),
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=conv.groups,
        bias=_numpy(bias.to(conv.weight)),
    )
    graph.add(f'{name}.conv', node, sources)
    return _Current([f'{name}.conv'], tuple(int(n) for n in node.output_type['output']))


def _numpy(x: Tensor) -> np.ndarray:
    return x.detach().numpy()


def _left_out(net: nn.Module, prefix: str, stages: int) -> Iterator[tuple[str, str]]:
    """Yield the modules without a node, and the parts that read their outputs, with reasons."""
    for name, module in net.named_modules():
        if hasattr(module, 'no_nir'):
            yield name, str(module.no_nir)
    backbone: Any = net.get_submodule(prefix.rstrip('.'))
    for i in range(stages, len(backbone.stages)):
        if i <= max(backbone.out_indices):
            yield (
                f'{prefix}stages.{i}',
                'its other layers read or feed products of spikes',
            )
    if prefix:
        for name, part in net.named_children():
            inner = any(isinstance(m, BaseNeuron | nn.Conv2d | nn.Linear) for m in part.modules())
            if name != 'backbone' and inner and not hasattr(part, 'no_nir'):
                yield name, 'its input could not be exported'


def _save(path: Path, graph: Any) -> None:
    """Write a graph, completely or not at all."""
    import nir

    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_or_absent(path) as temporary:
        nir.write(temporary, graph)
