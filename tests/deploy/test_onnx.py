"""ONNX graphs, run by ONNX Runtime, against the models that they were made of."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from contract import wake
from mmengine.config import Config
from onnx_spikes import WatchedNetwork, assert_agree, assert_same
from reduced_models import IMAGE_SIZE, build_model, random_batch, reduced_config
from spike_driven import assert_fires_as_told, emitting, run
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from spikedense.deploy.onnx_export import ExportError, OnnxNeuron, export_onnx
from spikedense.deploy.onnx_runtime import OnnxNetwork, run_by_onnx
from spikedense.models.backbones import SDTV3
from spikedense.neurons import ThresholdNeuron, build_neuron
from spikedense.registry import MODELS
from spikedense.utils.config_path import config_root
from spikedense.utils.files import temporary_name

SPIKE2FORMER = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128'
MASK_RCNN = 'mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128'
ONE_GRAPH = {
    'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128': 'plain',
    'sdt_v2/fpn_sdtv2-demo-lif-t1_1xb8-300i_demo-128x128': 'plain',
    SPIKE2FORMER: 'mask classifier',
    'retinanet/retinanet_sdtv3-demo_1xb4-600i_demo-instance-128x128': 'one-stage',
}


def woken(name: str) -> tuple[Config, Any]:
    """The config and the reduced model, whose neurons fire at all depths."""
    cfg = reduced_config(str(config_root() / f'{name}.py'))
    model = build_model(cfg)
    return cfg, wake(model, torch.rand(2, 3, *IMAGE_SIZE))


def small(neuron_cfg: dict[str, Any], **kwargs: Any) -> nn.Module:
    """A backbone of two stages."""
    arch = dict(embed_dims=[8, 16, 16, 16], depths=[1, 1, 0, 0, 0], num_heads=4)
    return SDTV3(arch, neuron_cfg=neuron_cfg, out_indices=(0, 1), **kwargs).eval()


def predicted(model: Any, batch: dict[str, Any]) -> Any:
    """Prediction of the only image of a batch."""
    data = model.data_preprocessor(batch)
    with torch.no_grad():
        return model.predict(data['inputs'], data['data_samples'])[0]


#: The heads whose outputs a library decodes: it sorts, and suppresses what overlaps.
DECODED = ('bbox_head', 'rpn_head', 'roi_head.bbox_head', 'roi_head.mask_head')


def followed(model: Any, batch: dict[str, Any], network: WatchedNetwork) -> Any:
    """Prediction of a model that emits what the graphs have just emitted.

    Two scores that differ by a rounding may change places where detections are sorted. Hence the
    heads' outputs are compared, and those of the graphs are decoded.
    """
    given = iter(network.given)

    def after(_: nn.Module, __: tuple, out: Any) -> Any:
        mine, structure = tree_flatten(out)
        theirs = next(given)[-len(mine) :]
        for found, expected in zip(theirs, mine, strict=True):
            assert_same(found, expected)
        return tree_unflatten(theirs, structure)

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if name in DECODED:
                stack.callback(module.register_forward_hook(after).remove)
        calls = stack.enter_context(emitting(model, network.calls))
        found = predicted(model, batch)
    assert_fires_as_told(model, calls, network.calls)
    return found


@pytest.mark.parametrize('name', ONE_GRAPH)
def test_one_graph_gives_what_the_model_gives(name: str, tmp_path: Path) -> None:
    cfg, model = woken(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    files = export_onnx(model, tmp_path / 'deep' / 'out', IMAGE_SIZE)
    assert [file.name for file in files] == ['model.onnx', 'manifest.json']
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    network = WatchedNetwork(tmp_path / 'deep' / 'out', model, IMAGE_SIZE)
    kind = ONE_GRAPH[name]
    assert network.manifest['kind'] == kind
    found = assert_agree(model, network, torch.rand(1, 3, *IMAGE_SIZE))
    described = network.manifest['graphs']['model']['outputs']
    assert [list(x.shape) for x in found] == list(described.values())
    batch = random_batch(cfg, 1)
    theirs = predicted(run_by_onnx(model, network), batch)
    ours = followed(model, batch, network)
    if kind == 'one-stage':
        assert torch.equal(theirs.pred_instances.labels, ours.pred_instances.labels)
        torch.testing.assert_close(
            theirs.pred_instances.bboxes, ours.pred_instances.bboxes, atol=1e-3, rtol=1e-4
        )
    else:
        assert_same(theirs.seg_logits.data, ours.seg_logits.data)


def test_a_two_stage_detector_detects_the_same(tmp_path: Path) -> None:
    cfg, model = woken(MASK_RCNN)
    files = export_onnx(model, tmp_path / 'out', IMAGE_SIZE)
    names = ['backbone_rpn.onnx', 'bbox_head.onnx', 'mask_head.onnx', 'manifest.json']
    assert [file.name for file in files] == names
    network = WatchedNetwork(tmp_path / 'out', model, IMAGE_SIZE)
    images = torch.rand(1, 3, *IMAGE_SIZE)
    outs = network(images)
    with torch.no_grad(), emitting(model, network.calls) as calls:
        maps = model.extract_feat(images)
        scores, deltas = model.rpn_head(maps)
    assert_fires_as_told(model, calls, network.calls)
    for found, expected in zip(outs, (*maps, *scores, *deltas), strict=True):
        assert_same(found, expected[0] if expected.dim() == 5 else expected)
    for head, size in (('bbox_head', 7), ('mask_head', 14)):
        for number in (1, 5):  # exported with two
            network.forget()
            rois = 4 * torch.rand(number, 8, size, size)
            outs = network.run(head, rois)
            with torch.no_grad(), emitting(model, network.calls) as calls:
                answers = getattr(model.roi_head, head)(rois[None])
            assert_fires_as_told(model, calls, network.calls)
            answers = answers if isinstance(answers, tuple) else (answers,)
            for found, expected in zip(outs, answers, strict=True):
                assert_same(found, expected)
    network.forget()
    batch = random_batch(cfg, 1)
    theirs = predicted(run_by_onnx(model, network), batch).pred_instances
    ours = followed(model, batch, network).pred_instances
    assert len(ours) > 0
    assert torch.equal(theirs.labels, ours.labels)
    assert torch.equal(theirs.masks, ours.masks)
    torch.testing.assert_close(theirs.bboxes, ours.bboxes, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(theirs.scores, ours.scores)


@pytest.mark.parametrize('opset', [17, 18, 20])
def test_opsets_and_nodes(opset: int, tmp_path: Path) -> None:
    model = small(dict(type='NILIF', D=4))
    export_onnx(model, tmp_path / 'out', (32, 48), opset)
    graph = onnx.load(tmp_path / 'out' / 'model.onnx')
    assert graph.opset_import[0].version == opset
    assert 'BatchNormalization' not in {node.op_type for node in graph.graph.node}
    manifest = json.loads((tmp_path / 'out' / 'manifest.json').read_text())
    assert list(manifest['graphs']['model']['outputs']) == ['map_0', 'map_1']
    (neuron,) = manifest['neurons']
    assert (neuron['type'], neuron['D'], manifest['T']) == ('NILIF', 4, 1)
    assert manifest['size'] == [32, 48]


@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='NILIF', D=4),
        dict(type='ILIF', D=3, rounding='half_up'),
        dict(type='EvalClampedNILIF', D=4, eval_clamp=2),
        dict(type='LIF', tau=1.6),
        dict(type='LIF', decay_input=False, v_reset=None),
        dict(type='LIF', v_reset=-0.5),
        dict(type='IF', v_threshold=0.5),
        dict(type='PLIF', init_tau=3.0),
        dict(type='StrictLIF'),
    ],
    ids=str,
)
def test_neurons_in_plain_operations(cfg: dict[str, Any], tmp_path: Path) -> None:
    neuron = build_neuron(cfg).eval()
    ties = torch.arange(-4, 24).div(4)  # every half is a tie, and 1 and 2 are thresholds
    x = torch.cat([ties, 3 * torch.randn(1008 - len(ties))]).view(1, 3, 6, -1)
    assert torch.equal(OnnxNeuron(neuron)(x), neuron(x))
    net = nn.Sequential(neuron)
    export_onnx(net, tmp_path / 'out', x.shape[2:])
    (found,) = OnnxNetwork(tmp_path / 'out')(x)
    assert torch.equal(found, neuron(x))


@pytest.mark.parametrize('rounding', ['even', 'half_up'])
@pytest.mark.parametrize('D', [1, 4])
def test_threshold_neurons_in_plain_operations(rounding: str, D: int) -> None:
    neuron = ThresholdNeuron(D, norm=2, gain=0.5, rounding=rounding)
    x = torch.arange(-4, 48).div(4)[None]
    assert torch.equal(OnnxNeuron(neuron)(x), neuron(x))


@pytest.mark.parametrize(
    ('neuron_cfg', 'kwargs', 'said'),
    [
        (dict(type='LIF'), dict(T=4), 'T=4: ONNX export is for models of one time step (T=1)'),
        (dict(type='SigmoidL2NILIF'), {}, 'is a SigmoidL2NILIF, which has no ONNX form'),
        (dict(type='NILIF', keep_state=True), {}, 'keep_state=True'),
    ],
)
def test_models_that_are_refused(
    neuron_cfg: dict[str, Any], kwargs: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError) as error:
        export_onnx(small(neuron_cfg, **kwargs), tmp_path / 'out', (32, 48))
    assert said in str(error.value)
    assert not list(tmp_path.iterdir())


def test_steps_without_state_are_no_steps(tmp_path: Path) -> None:
    model = small(dict(type='NILIF', stateful=False), T=2)
    wake(model, torch.randn(2, 3, 32, 48))
    # A killed export has left its folder. No process has a number so large.
    machine = temporary_name('').split('-')[1]
    (tmp_path / f'.part-{machine}-{2**22 + 1}-onnx-a').mkdir()
    export_onnx(model, tmp_path / 'out', (32, 48))
    assert [path.name for path in tmp_path.iterdir()] == ['out']
    assert_agree(
        model, WatchedNetwork(tmp_path / 'out', model, (32, 48)), torch.randn(1, 3, 32, 48)
    )


@pytest.mark.parametrize('spoiled', ['weight', 'bias', 'largest integer'])
def test_a_wrong_graph_is_noticed(spoiled: str, tmp_path: Path) -> None:
    model = wake(small(dict(type='NILIF', D=4)), torch.randn(2, 3, 32, 48))
    export_onnx(model, tmp_path / 'out', (32, 48))
    images = torch.randn(1, 3, 32, 48)
    assert_agree(model, WatchedNetwork(tmp_path / 'out', model, (32, 48)), images)
    path = tmp_path / 'out' / 'model.onnx'
    graph = onnx.load(path)
    if spoiled == 'largest integer':
        clip = next(node for node in graph.graph.node if node.op_type == 'Clip')
        (limit,) = (node for node in graph.graph.node if node.output[0] == clip.input[2])
        limit.attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.float32(3)))
    else:
        name = f'part.stages.0.blocks.0.branches.token_mixer.expand.conv.{spoiled}'
        (stored,) = (x for x in graph.graph.initializer if x.name == name)
        stored.CopyFrom(
            onnx.numpy_helper.from_array(1.01 * onnx.numpy_helper.to_array(stored), name)
        )
    onnx.save(graph, path)
    with pytest.raises(AssertionError):
        assert_agree(model, WatchedNetwork(tmp_path / 'out', model, (32, 48)), images)


@pytest.mark.parametrize(
    'kind',
    [
        'SpikformerSelfAttention',
        'SpikeDrivenSelfAttention',
        'QKTokenAttention',
        'QKChannelAttention',
        'LRFSelfAttention',
        'LRFDynamicAttention',
    ],
)
def test_each_attention_has_a_graph(kind: str, tmp_path: Path) -> None:
    arch = dict(embed_dims=[8, 8, 8, 16], depths=[1, 0, 0, 1, 0], num_heads=4)
    model = SDTV3(arch, out_indices=(0, 3), attn_cfg=dict(type=kind)).eval()
    wake(model, torch.randn(2, 3, 32, 48))
    export_onnx(model, tmp_path / 'out', (32, 48))
    network = WatchedNetwork(tmp_path / 'out', model, (32, 48))
    assert_agree(model, network, torch.randn(1, 3, 32, 48))


@pytest.mark.parametrize('kind', ['MLPixer', 'SRB'])
@pytest.mark.parametrize('norm', ['official', 'bn'])
def test_mixers_on_strips_have_a_graph(kind: str, norm: str, tmp_path: Path) -> None:
    arch = dict(embed_dims=[8, 8, 8, 16], depths=[1, 0, 0, 1, 0], num_heads=4)
    model = SDTV3(arch, out_indices=(0, 3), channel_mixer=dict(type=kind, norm=norm)).eval()
    wake(model, torch.randn(2, 3, 32, 48))
    export_onnx(model, tmp_path / 'out', (32, 48))
    network = WatchedNetwork(tmp_path / 'out', model, (32, 48))
    assert_agree(model, network, torch.randn(1, 3, 32, 48))


@pytest.mark.parametrize('name', ['SpikingResformer', 'SDTV3Large'])
def test_classic_backbones_have_a_graph(name: str, tmp_path: Path) -> None:
    depths = [1] * dict(SpikingResformer=3, SDTV3Large=4)[name]
    arch = dict(embed_dims=[8, 8, 16], depths=depths, num_heads=2)
    model = MODELS.build(dict(type=name, arch=arch, T=1)).eval()
    wake(model, torch.randn(2, 3, 40, 56))
    export_onnx(model, tmp_path / 'out', (40, 56))
    network = WatchedNetwork(tmp_path / 'out', model, (40, 56))
    assert_agree(model, network, torch.randn(1, 3, 40, 56))


@torch.no_grad()
def test_sums_without_rounding_give_equal_bits(tmp_path: Path) -> None:
    """The graph as it is written, optimised by the runtime, on potentials that hit thresholds."""
    model = small(dict(type='NILIF', D=4))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 2.0**-17
            module.running_var.fill_(1 - module.eps)
            module.bias.copy_(torch.randint(1, 9, module.bias.shape) / 8)
        elif isinstance(module, nn.Conv2d):  # a sum of these is exact in any order
            module.weight.copy_(torch.randint(-4, 5, module.weight.shape) / 16)
            if module.bias is not None:
                module.bias.zero_()
    export_onnx(model, tmp_path / 'out', (32, 48))
    images = torch.randint(-16, 17, (1, 3, 32, 48)) / 16
    calls, maps = run(model, images)
    ties = [(call.current * 2 % 2 == 1).any() for its in calls.values() for call in its]
    assert sum(ties) > 2
    for found, expected in zip(OnnxNetwork(tmp_path / 'out')(images), maps, strict=True):
        assert found.std() > 0
        assert torch.equal(found, expected)


class _Unknown(nn.Module):
    """Uses an operation that ONNX lacks."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


def test_an_unknown_operator_is_named(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    with pytest.raises(ExportError, match='bessel_j0, which has no ONNX form'):
        export_onnx(_Unknown(), tmp_path / 'out', (8, 8))
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ('', '')


def test_wrong_requests(tmp_path: Path) -> None:
    model = small(dict(type='NILIF'))
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'file').touch()
    for wrong, said in (
        ((tmp_path / 'full', (32, 48)), 'expected a folder that is new or empty'),
        ((tmp_path / 'out', (0, 48)), 'expected a height and a width'),
        ((tmp_path / 'out', (32, 48), 9), 'opset=9, expected 17 to 20'),
    ):
        with pytest.raises(ExportError, match=said):
            export_onnx(model, *wrong)
    with pytest.raises(ExportError, match=r'has no manifest\.json'):
        OnnxNetwork(tmp_path / 'full')
    export_onnx(model, tmp_path / 'out', (32, 48))
    network = OnnxNetwork(tmp_path / 'out')
    with pytest.raises(ExportError, match=r'expected \[1, 3, 32, 48\]: a graph is for one image'):
        network(torch.rand(1, 3, 32, 64))
    with pytest.raises(ExportError, match='expected the segmentor or detector'):
        run_by_onnx(model, network)
