"""ONNX graphs, run by ONNX Runtime, against the models that they were made of."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from contract import wake
from mmengine.config import Config
from reduced_models import IMAGE_SIZE, build_model, random_batch, reduced_config
from torch import Tensor, nn

from spikedense.deploy.onnx_export import ExportError, OnnxNeuron, export_onnx
from spikedense.deploy.onnx_runtime import OnnxNetwork, run_by_onnx
from spikedense.models.backbones import SDTV3
from spikedense.neurons import ThresholdNeuron, build_neuron
from spikedense.tracing import network_outputs
from spikedense.utils.config_path import config_root

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


def assert_same(found: Tensor, expected: Tensor) -> None:
    """Equal but for rounding, and not trivially so.

    A current that lies on a tie may round to another spike in each runtime; a spike that flips
    would be seen far above this tolerance. Of the seeds here none does.
    """
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('name', ONE_GRAPH)
def test_one_graph_gives_what_the_model_gives(name: str, tmp_path: Path) -> None:
    cfg, model = woken(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    files = export_onnx(model, tmp_path / 'deep' / 'out', IMAGE_SIZE)
    assert [file.name for file in files] == ['model.onnx', 'manifest.json']
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    network = OnnxNetwork(tmp_path / 'deep' / 'out')
    kind = ONE_GRAPH[name]
    assert network.manifest['kind'] == kind
    images = torch.rand(1, 3, *IMAGE_SIZE)
    with torch.no_grad():
        expected = network_outputs(model, images)
    found = network(images)
    described = network.manifest['graphs']['model']['outputs']
    assert [list(x.shape) for x in found] == list(described.values())
    for x, y in zip(found, expected, strict=True):
        assert_same(x, y[-1] if kind == 'mask classifier' else y)
    batch = random_batch(cfg, 1)
    ours, theirs = predicted(model, batch), predicted(run_by_onnx(model, network), batch)
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
    network = OnnxNetwork(tmp_path / 'out')
    images = torch.rand(1, 3, *IMAGE_SIZE)
    with torch.no_grad():
        maps = model.extract_feat(images)
        scores, deltas = model.rpn_head(maps)
        for found, expected in zip(network(images), (*maps, *scores, *deltas), strict=True):
            assert_same(found, expected[0] if expected.dim() == 5 else expected)
        for number in (1, 5):  # exported with two
            rois = 4 * torch.rand(number, 8, 7, 7)
            for found, expected in zip(
                network.run('bbox_head', rois), model.roi_head.bbox_head(rois[None]), strict=True
            ):
                assert_same(found, expected)
            rois = 4 * torch.rand(number, 8, 14, 14)
            (found,) = network.run('mask_head', rois)
            assert_same(found, model.roi_head.mask_head(rois[None]))
    batch = random_batch(cfg, 1)
    ours = predicted(model, batch).pred_instances
    theirs = predicted(run_by_onnx(model, network), batch).pred_instances
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
    ],
    ids=str,
)
def test_neurons_in_plain_operations(cfg: dict[str, Any]) -> None:
    neuron = build_neuron(cfg).eval()
    ties = torch.arange(-4, 24).div(4)  # every half is a tie, and 1 and 2 are thresholds
    x = torch.cat([ties, 3 * torch.randn(1000)])[None]
    assert torch.equal(OnnxNeuron(neuron)(x), neuron(x))


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
    export_onnx(model, tmp_path / 'out', (32, 48))
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        for found, expected in zip(
            OnnxNetwork(tmp_path / 'out')(images), model(images), strict=True
        ):
            assert_same(found, expected)


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
