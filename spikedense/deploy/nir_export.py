"""NIR graphs of what NIR can express: convolutions and LIF or IF neurons."""

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikedense.models.backbones import SpikeDrivenBackbone
from spikedense.models.decode_heads.spike2former_base import MaskProduct
from spikedense.models.layers import (
    AttentionProduct,
    ChannelConv,
    SpikeConv,
    SpikeConvBlock,
    SpikeSeparableConv,
)
from spikedense.models.pixel_decoders import DeformSample
from spikedense.neurons import IF, LIF, PLIF, BaseNeuron

from .fold import fold
from .onnx_export import ExportError, required

#: Length of a time step in seconds, SpikingJelly's.
DT = 1e-4
_CONV_STAGES = 3
_NO_NODE = {
    AttentionProduct: 'it multiplies spikes by spikes, NIR only spikes by weights',
    DeformSample: 'deformable sampling has no NIR node',
    MaskProduct: 'it multiplies spikes by maps, NIR only spikes by weights',
}
# By name: mmdet's parts cannot be imported everywhere.
_NO_NODE_BY_NAME = {
    'SpikeFPN': 'up-sampling (nearest) has no NIR node',
    'SpikeFPNHead': 'bilinear resizing and the mean over time have no NIR node',
    'SDTEPixelDecoder': 'bilinear resizing has no NIR node',
    'SpikeRPNHead': 'the mean over time has no NIR node',
    'SpikeRetinaHead': 'the mean over time has no NIR node',
    'SpikeRoIExtractor': 'RoIAlign has no NIR node',
    'SpikeConvFCBBoxHead': 'the mean over time has no NIR node',
    'SpikeFCNMaskHead': 'transposed convolution and the mean over time have no NIR node',
}


@dataclass(frozen=True)
class NirReport:
    """What was exported, and what NIR cannot express.

    Args:
        path: the file.
        dt: length of a time step, in seconds.
        exported: names of the convolutions and neurons that are nodes of the graph.
        outputs: name of an output node -> shape, ``[C, H, W]``.
        left_out: names of modules and why they are not in the graph.
    """

    path: Path
    dt: float
    exported: list[str]
    outputs: dict[str, tuple[int, int, int]]
    left_out: list[tuple[str, str]]


@dataclass
class _Graph:
    """Nodes and edges, as they are found."""

    dt: float
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, node: Any, sources: list[str]) -> None:
        """Adds a node that reads the sum of some others."""
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]


@dataclass(frozen=True)
class _Current:
    """A membrane current: the sum of what some nodes give, of one shape."""

    sources: list[str]
    shape: tuple[int, ...]

    def plus(self, other: '_Current') -> '_Current':
        return _Current([*self.sources, *other.sources], self.shape)


@torch.no_grad()
def export_nir(
    model: nn.Module, path: str | Path, size: tuple[int, int] = (64, 64), dt: float = DT
) -> NirReport:
    r"""Writes the convolution stages of a backbone as a NIR graph.

    NIR's nodes are weighted layers and neurons; several edges into a node, an output too, are added
    up, which states the membrane shortcuts. So stem and convolution stages (0 to 2) of a backbone
    with LIF, PLIF or IF neurons can be told exactly, RepConvs, norms and the separable convolutions
    of V2 merged (:func:`spikedense.deploy.fold`). What comes behind has products of spikes,
    resizing or means over time; the report lists it. The graph reads the image at each time step,
    and gives a stage's membrane currents as ``stage_0``, ``stage_1`` and ``stage_2``.

    NIR's equations are continuous, ours are steps. A step of :math:`\Delta t` = ``dt`` by Euler's
    rule, from :math:`\tau \dot v = (v_{leak} - v) + R I` with :math:`\tau = \tau_{ours}
    \Delta t`, :math:`R = 1` and :math:`v_{leak} = v_{reset}`, is what LIF computes,
    :math:`V \leftarrow V + (X - (V - V_{reset})) / \tau_{ours}`; where the input does not decay,
    :math:`R = \tau_{ours}`, and IF has :math:`R = 1 / \Delta t`. This is SpikingJelly's convention,
    whose ``import_from_nir(graph, dt)`` reads the file where no convolution has groups. The size of
    ``dt`` means nothing to the results: a reader has to step by the same. NIR fires above the
    threshold, ours at it already.

    Args:
        model: a segmentor, a detector or a backbone; it is copied.
        path: the file to write, ``*.nir``.
        size: height and width of the image. NIR gives each neuron its own parameters, so that the
            file, though compressed, grows with it.
        dt: length of a time step in seconds.

    Returns:
        What was exported and what was not.

    Raises:
        ExportError: nothing can be exported.
    """
    nir = required('nir')
    path = Path(path)
    if dt <= 0 or min(size) < 1:
        raise ExportError(f'dt={dt}, size={tuple(size)}, expected numbers above 0')
    net = copy.deepcopy(model).cpu().eval()
    prefix, backbone = _backbone_of(net)
    _check_neurons(prefix, backbone)
    fold(net)
    graph = _Graph(dt)
    channels = backbone.stages[0]['downsample'].conv.in_channels
    shape = (channels, *size)
    graph.add('input', nir.Input(input_type=np.array(shape)), [])
    current = _Current(['input'], shape)
    outputs: dict[str, tuple[int, int, int]] = {}
    for i in range(min(_CONV_STAGES, max(backbone.out_indices) + 1)):
        current = _stage(graph, f'{prefix}stages.{i}', backbone.stages[i], current)
        name = f'stage_{i}'
        graph.add(name, nir.Output(output_type=np.array(current.shape)), current.sources)
        outputs[name] = current.shape  # type: ignore[assignment]
    exported = [name for name in graph.nodes if name not in ('input', *outputs)]
    # nir takes the input of a grouped convolution for one group's.
    grouped = any(getattr(node, 'groups', 1) > 1 for node in graph.nodes.values())
    _save(path, nir.NIRGraph(graph.nodes, graph.edges, type_check=not grouped))
    return NirReport(path, dt, exported, outputs, list(_left_out(net, prefix, len(outputs))))


def _backbone_of(net: Any) -> tuple[str, Any]:
    """Prefix of the backbone's names, and the backbone."""
    if isinstance(net, SpikeDrivenBackbone):
        return '', net
    backbone = getattr(net, 'backbone', None)
    if not isinstance(backbone, SpikeDrivenBackbone):
        raise ExportError(
            f'{type(net).__name__} with {type(backbone).__name__} as backbone has nothing that '
            'NIR export knows, expected an SDTV2 or SDTV3'
        )
    return 'backbone.', backbone


def _check_neurons(prefix: str, backbone: Any) -> None:
    """Refuses neurons that NIR lacks, in the stages that would be exported."""
    for i in range(_CONV_STAGES):
        for name, neuron in backbone.stages[i].named_modules():
            where = f"'{prefix}stages.{i}.{name}'"
            if hasattr(neuron, 'D') and not isinstance(neuron, LIF | IF | PLIF):
                kind = f'{type(neuron).__name__} with D={neuron.D}'
                reason = 'NIR has no neuron that emits integers or real values'
                if isinstance(neuron, BaseNeuron) and neuron.D == 1:
                    reason = 'NIR has no neuron that rounds its membrane'
                raise ExportError(
                    f'{where} is a {kind}: {reason}, so nothing can be exported; expected LIF, IF '
                    'or PLIF'
                )
            if isinstance(neuron, LIF | IF | PLIF) and neuron.node.v_reset is None:
                raise ExportError(
                    f'{where} resets by subtraction (v_reset=None), NIR only to a potential; '
                    'nothing can be exported'
                )
            if isinstance(neuron, LIF | IF | PLIF) and not neuron.stateful:
                raise ExportError(
                    f'{where} has stateful=False, but a neuron of NIR keeps its membrane from step '
                    'to step; nothing can be exported'
                )


def _stage(graph: _Graph, name: str, stage: Any, current: _Current) -> _Current:
    """A stage: down-sampling, then blocks that add to the membrane."""
    current = _conv(graph, f'{name}.downsample', stage['downsample'], current)
    for i, block in enumerate(stage['blocks']):
        assert isinstance(block, SpikeConvBlock)
        for key, branch in block.branches.items():
            where = f'{name}.blocks.{i}.branches.{key}'
            current = current.plus(_branch(graph, where, branch, current))
    return current


def _branch(graph: _Graph, name: str, branch: Any, current: _Current) -> _Current:
    """A mixer: convolutions one behind the other."""
    if isinstance(branch, SpikeSeparableConv):
        keys = ['expand', 'depthwise', 'project']
    elif isinstance(branch, ChannelConv):
        keys = ['widen', 'narrow']
    else:
        raise ExportError(f"'{name}' is a {type(branch).__name__}, which has no NIR form")
    for key in keys:
        layer = getattr(branch, key)
        if isinstance(layer, SpikeConv):  # else merged into the one before
            current = _conv(graph, f'{name}.{key}', layer, current)
    return current


def _conv(graph: _Graph, name: str, layer: SpikeConv, current: _Current) -> _Current:
    """A neuron, if there is one, and a convolution."""
    import nir

    if layer.norm is not None:
        raise ExportError(
            f"'{name}' has a {type(layer.norm).__name__} that depends on its input: NIR has no "
            'norms, and it cannot be folded'
        )
    sources = current.sources
    if layer.neuron is not None:
        graph.add(f'{name}.neuron', _neuron(layer.neuron, current.shape, graph.dt), sources)
        sources = [f'{name}.neuron']
    conv: Any = layer.conv
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


def _neuron(neuron: Any, shape: tuple[int, ...], dt: float) -> Any:
    """The NIR node of a LIF, PLIF or IF; see :func:`export_nir`."""
    import nir

    node = neuron.node

    def full(value: float) -> np.ndarray:
        # A view of one number; only the file holds them all.
        return np.broadcast_to(np.float64(value), shape)

    potentials = dict(v_threshold=full(node.v_threshold), v_reset=full(node.v_reset))
    if isinstance(neuron, IF):
        return nir.IF(r=full(1 / dt), **potentials)
    tau = node.tau if isinstance(neuron, LIF) else 1 / float(node.w.sigmoid())
    return nir.LIF(
        tau=full(tau * dt),
        r=full(1 if node.decay_input else tau),
        v_leak=full(node.v_reset),
        **potentials,
    )


def _numpy(x: Tensor) -> np.ndarray:
    return x.detach().numpy()


def _left_out(net: nn.Module, prefix: str, stages: int) -> Iterator[tuple[str, str]]:
    """What has no node, and what reads from it."""
    for name, module in net.named_modules():
        reason = _NO_NODE_BY_NAME.get(type(module).__name__)
        for cls, text in _NO_NODE.items():
            reason = text if isinstance(module, cls) else reason
        if reason is not None:
            yield name, reason
    backbone: Any = net.get_submodule(prefix.rstrip('.'))
    for i in range(stages, len(backbone.stages)):
        if i <= max(backbone.out_indices):
            yield f'{prefix}stages.{i}', 'its other layers stand between products of spikes'
    if prefix:
        for name, part in net.named_children():
            inner = any(isinstance(m, BaseNeuron | nn.Conv2d | nn.Linear) for m in part.modules())
            if name != 'backbone' and inner and type(part).__name__ not in _NO_NODE_BY_NAME:
                yield name, 'it reads what could not be exported'


def _save(path: Path, graph: Any) -> None:
    """Writes a graph, all of it or nothing."""
    import nir

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix='.nir-') as temporary:
        made = Path(temporary, path.name)
        nir.write(made, graph)
        made.replace(path)
