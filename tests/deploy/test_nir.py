"""NIR graphs, interpreted by a small reference, against the backbones that they were made of."""

from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from contract import wake
from reduced_models import IMAGE_SIZE, build_model, reduced_config
from torch import Tensor, nn

from spikedense.deploy.nir_export import NirReport, export_nir
from spikedense.deploy.onnx_export import ExportError
from spikedense.models.backbones import SDTV2, SDTV3, MSResNet
from spikedense.neurons import BaseNeuron
from spikedense.utils.config_path import config_root

ARCH = dict(embed_dims=[8, 16, 16, 16], depths=[1, 1, 2, 1, 0], num_heads=4)
SIZE = (24, 32)


def backbone(cls: type = SDTV2, T: int = 4, **neuron_cfg: Any) -> Any:
    """A woken backbone of four stages, in float64."""
    model = cls(ARCH, T=T, neuron_cfg=neuron_cfg, out_indices=(0, 1, 2, 3))
    return wake(model, torch.rand(2, 3, *SIZE)).double()


def interpret(graph: nir.NIRGraph, image: Tensor, T: int, dt: float) -> dict[str, list[Tensor]]:
    """What each node gives at each step, by the equations of NIR and Euler's rule.

    Args:
        graph: the graph.
        image: ``[3, H, W]``, the input at each step.
        T: number of steps.
        dt: length of a step.
    """
    sources: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, target in graph.edges:
        sources[target].append(source)
    potentials: dict[str, Tensor] = {}
    given: dict[str, list[Tensor]] = {name: [] for name in graph.nodes}
    for _ in range(T):
        for name in TopologicalSorter(sources).static_order():
            node = graph.nodes[name]
            x = image if isinstance(node, nir.Input) else sum(given[s][-1] for s in sources[name])
            given[name].append(_step(node, x, potentials, name, dt))
    return given


def _step(node: Any, x: Tensor, potentials: dict[str, Tensor], name: str, dt: float) -> Tensor:
    if isinstance(node, nir.Input | nir.Output):
        return x
    if isinstance(node, nir.Conv2d):
        weight, bias = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
        how = (tuple(map(int, key)) for key in (node.stride, node.padding, node.dilation))
        return F.conv2d(x[None], weight, bias, *how, groups=int(node.groups))[0]
    value = {key: torch.from_numpy(np.asarray(x)) for key, x in vars(node).items() if key in KEYS}
    v = potentials.get(name, value['v_reset'])
    if isinstance(node, nir.LIF):
        v = v + dt / value['tau'] * ((value['v_leak'] - v) + value['r'] * x)
    else:
        v = v + dt * value['r'] * x
    # NIR says "above"; at the threshold itself, which real currents do not hit, ours fires.
    spikes = v >= value['v_threshold']
    potentials[name] = torch.where(spikes, value['v_reset'], v)
    return spikes.to(x.dtype)


KEYS = ('tau', 'r', 'v_leak', 'v_threshold', 'v_reset')


def exported(model: nn.Module, tmp_path: Path, **kwargs: Any) -> tuple[NirReport, nir.NIRGraph]:
    """The report, and the graph read back."""
    report = export_nir(model, tmp_path / 'deep' / 'model.nir', SIZE, **kwargs)
    grouped = any(isinstance(m, nn.Conv2d) and m.groups > 1 for m in model.modules())
    return report, nir.read(report.path, type_check=not grouped)


NEURONS: list[tuple[type, dict[str, Any]]] = [
    (SDTV2, dict(type='LIF')),
    (SDTV2, dict(type='LIF', v_reset=-0.25, tau=1.5)),
    (SDTV2, dict(type='LIF', decay_input=False)),
    (SDTV2, dict(type='IF')),
    (SDTV2, dict(type='PLIF', init_tau=3.0)),
    (SDTV2, dict(type='StrictLIF')),
    (SDTV3, dict(type='LIF')),  # its depth-wise convolutions are groups
]


@pytest.mark.parametrize(('cls', 'neuron_cfg'), NEURONS, ids=lambda x: str(x))
@torch.no_grad()
def test_the_graph_computes_what_the_backbone_does(
    cls: type, neuron_cfg: dict[str, Any], tmp_path: Path
) -> None:
    model = backbone(cls, **neuron_cfg)
    spikes: dict[str, Tensor] = {}
    for name, neuron in model.named_modules():
        if isinstance(neuron, BaseNeuron):
            neuron.register_forward_hook(lambda _, __, out, name=name: spikes.update({name: out}))
    images = torch.rand(1, 3, *SIZE, dtype=torch.float64)
    stages = model(images)
    report, graph = exported(model, tmp_path)
    given = interpret(graph, images[0], 4, report.dt)
    neurons = [name for name in report.exported if name.endswith('.neuron')]
    assert len(neurons) == len([name for name in spikes if not name.startswith('stages.3')])
    for name in neurons:
        assert torch.equal(torch.stack(given[name]), spikes[name][:, 0]), name
    assert any(0 < spikes[name].mean() < 1 for name in neurons)
    # The steps differ, or one would have done.
    assert any(not torch.equal(spikes[name][0], spikes[name][-1]) for name in neurons)
    for i, stage in enumerate(stages[:3]):
        assert report.outputs[f'stage_{i}'] == stage.shape[2:]
        torch.testing.assert_close(torch.stack(given[f'stage_{i}']), stage[:, 0])


def test_parameters_follow_spikingjelly(tmp_path: Path) -> None:
    _, graph = exported(backbone(type='LIF', tau=2.0), tmp_path, dt=1e-3)
    node = graph.nodes['stages.1.downsample.neuron']
    assert isinstance(node, nir.LIF)
    for key, value in dict(tau=2e-3, r=1.0, v_leak=0.0, v_reset=0.0, v_threshold=1.0).items():
        assert np.unique(getattr(node, key)) == [value], key
    _, graph = exported(backbone(type='IF'), tmp_path)
    node = graph.nodes['stages.1.downsample.neuron']
    assert isinstance(node, nir.IF)
    assert np.unique(node.r) == [1e4]


def test_the_report_tells_what_is_left_out(tmp_path: Path) -> None:
    name = 'sdt_v2/fpn_sdtv2-demo-lif-t4_1xb8-300i_demo-128x128'
    model = build_model(reduced_config(str(config_root() / f'{name}.py'))).eval()
    report = export_nir(model, tmp_path / 'model.nir', IMAGE_SIZE)
    left_out = dict(report.left_out)
    assert list(report.outputs) == ['stage_0', 'stage_1', 'stage_2']
    assert 'backbone.stages.2.blocks.1.branches.channel_mixer.narrow.conv' in report.exported
    assert (
        'multiplies spikes by spikes'
        in left_out['backbone.stages.3.blocks.0.branches.attn.product']
    )
    assert {'backbone.stages.3', 'backbone.stages.4'} <= left_out.keys()
    assert 'nearest' in left_out['neck']
    assert 'bilinear' in left_out['decode_head']


def test_maps_read_as_strips_end_the_graph(tmp_path: Path) -> None:
    kept, srb = dict(), dict(type='SRB')
    mixers: list[Any] = [kept, kept, srb, kept, kept]
    model = SDTV2(ARCH, T=2, channel_mixer=mixers, out_indices=(0, 1, 2, 3)).eval()
    report = export_nir(model, tmp_path / 'model.nir', SIZE)
    assert list(report.outputs) == ['stage_0', 'stage_1']
    strips = 'stages.2.blocks.0.branches.channel_mixer.widen'
    assert dict(report.left_out)[strips] == 'a map that is read as strips has no NIR node'
    pointwise = dict(srb, layout='pointwise')
    model = SDTV2(ARCH, T=2, channel_mixer=[kept, kept, pointwise, kept, kept]).eval()
    report = export_nir(model, tmp_path / 'other.nir', SIZE)
    assert list(report.outputs) == ['stage_0', 'stage_1', 'stage_2']
    model = SDTV2(ARCH, channel_mixer=[srb, *mixers[1:]]).eval()
    with pytest.raises(ExportError, match='has a SpikeBlock that is no chain of convolutions'):
        export_nir(model, tmp_path / 'none.nir', SIZE)


def test_stems_of_several_layers_are_refused(tmp_path: Path) -> None:
    model = MSResNet(dict(depths=[1, 1, 1, 1], base_channels=8))
    said = 'first stage of MSResNet has a Sequential that is no chain of convolutions, so nothing'
    with pytest.raises(ExportError, match=said):
        export_nir(model, tmp_path / 'none.nir', SIZE)


@pytest.mark.parametrize(
    ('neuron_cfg', 'said'),
    [
        (dict(type='NILIF', D=4), 'is a NILIF with D=4: NIR has no neuron that emits integers'),
        (dict(type='NILIF', D=1), 'no neuron that rounds'),
        (dict(type='ReLU'), 'real values'),
        (dict(type='LIF', v_reset=None), 'resets by subtraction'),
        (dict(type='LIF', stateful=False), 'stateful=False'),
    ],
)
def test_neurons_that_nir_lacks(neuron_cfg: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError) as error:
        export_nir(SDTV3(ARCH, neuron_cfg=neuron_cfg), tmp_path / 'model.nir', SIZE)
    assert said in str(error.value)
    assert not list(tmp_path.iterdir())


def test_wrong_requests(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match='expected a spiking backbone'):
        export_nir(nn.Conv2d(3, 4, 1), tmp_path / 'model.nir')
    with pytest.raises(ExportError, match='expected numbers above 0'):
        export_nir(SDTV2(ARCH), tmp_path / 'model.nir', dt=0)


def test_a_backbone_that_computes_more_than_its_stages_is_refused(
    tmp_path: Path,
) -> None:
    class Shifted(SDTV3):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return tuple(y + 1 for y in super().forward(x))

    arch = dict(embed_dims=(8, 16, 16, 16), depths=(1, 1, 0, 0, 0), num_heads=4)
    with pytest.raises(ExportError, match='Shifted overrides a method of SpikeBackbone'):
        export_nir(Shifted(arch, neuron_cfg=dict(type='LIF')), tmp_path / 'net.nir', (16, 16))
    assert list(tmp_path.iterdir()) == []
