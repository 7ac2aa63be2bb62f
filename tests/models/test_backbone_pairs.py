"""Each registered backbone under Semantic FPN, Spike2Former and Mask R-CNN.

A backbone comes from the first line of its class in ``small_backbones.VARIANTS``; it hands on the
maps of all its stages. mmseg's ``MultiLevelNeck`` makes a pyramid of a single map.

ONNX graphs are compared under Semantic FPN only, for time: the graphs of the other heads are those
of ``tests/deploy/test_onnx.py``.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from config_groups import reduced_config_of
from contract import wake
from mmengine.config import Config, ConfigDict
from onnx_spikes import WatchedNetwork, assert_agree
from reduced_models import IMAGE_SIZE, build_model, head_of, random_batch
from small_backbones import VARIANTS
from spike_driven import BOXES, assert_same_answers, run
from torch import Tensor, nn

from spikedense.deploy import fold, to_spike_inference
from spikedense.deploy.onnx_export import export_onnx
from spikedense.models.backbones import SpikeBackbone
from spikedense.registry import MODELS
from spikedense.tracing import trace_network

#: The configs from which necks and heads come.
TASKS = {
    'fpn': 'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py',
    'spike2former': 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py',
    'mask rcnn': 'mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py',
}
BACKBONES = sorted(
    name
    for name, cls in MODELS.module_dict.items()
    if isinstance(cls, type)
    and issubclass(cls, SpikeBackbone)
    and cls.__module__.startswith('spikedense.')
)
WIDTH = 8


def variant_of(name: str, **kwargs: Any) -> dict[str, Any]:
    """The config of a small backbone, with all its maps."""
    found = [cfg for cfg in VARIANTS.values() if cfg['type'] == name]
    assert found, f'{name} has no line in VARIANTS of tests/small_backbones.py'
    cfg = {**found[0], **kwargs, 'type': f'spikedense.{name}'}
    stages = len(MODELS.build({**found[0], **kwargs}).stages)
    return {**cfg, 'out_indices': tuple(range(stages))}


def pair(name: str, task: str, **kwargs: Any) -> tuple[Config, Any]:
    """A config of the task with the backbone in it, and the model, whose neurons fire."""
    cfg = reduced_config_of(TASKS[task])
    model, backbone = cfg.model, ConfigDict(variant_of(name, **kwargs))
    built = MODELS.build({**backbone, 'type': name})
    channels, strides = list(built.out_channels), list(built.out_strides)
    model.backbone = backbone
    if len(channels) == 1:
        backbone.out_time = 'mean'
        scales = [2, 1, 0.5]
        single = dict(type='mmseg.MultiLevelNeck', in_channels=channels, scales=scales)
        model.neck = ConfigDict(single, out_channels=WIDTH, norm_cfg=dict(type='BN'))
        channels, strides = [WIDTH] * 3, [int(strides[0] / scale) for scale in scales]
    elif 'neck' in model:
        model.neck.update(in_channels=channels, out_channels=WIDTH, num_outs=len(channels))
    if task == 'mask rcnn':
        # Anchors of two strides that are equal, as the maps of SDTV3 have, are no hindrance.
        model.rpn_head.anchor_generator.update(strides=strides, base_sizes=strides)
        for kind in ('bbox', 'mask'):
            model.roi_head[f'{kind}_roi_extractor'].featmap_strides = strides
    elif task == 'fpn':
        levels = len(channels)
        model.decode_head.update(in_channels=[WIDTH] * levels, in_index=list(range(levels)))
        model.decode_head.feature_strides = strides
    else:
        head_of(cfg).update(in_channels=channels)
        head_of(cfg).pixel_decoder.mask_level = 0
    return cfg, wake(build_model(cfg), torch.randn(2, 3, *IMAGE_SIZE))


def images() -> Tensor:
    return torch.randn(1, 3, *IMAGE_SIZE, dtype=torch.float64)


def train_a_step(cfg: Config, model: Any) -> None:
    """Train a step: each parameter gets a finite gradient."""
    model.train()
    data = model.data_preprocessor(random_batch(cfg), True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    assert torch.isfinite(loss)
    loss.backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, f'{key} got no gradient'
        assert torch.isfinite(parameter.grad).all(), f'{key} got a gradient that is not finite'
    assert next(model.backbone.parameters()).grad.any(), 'no gradient reaches the first layer'
    torch.optim.SGD(model.parameters(), lr=1e-6).step()
    model.eval()


def predict(cfg: Config, model: Any) -> None:
    """Predict two images."""
    with torch.no_grad():
        results = model.test_step(random_batch(cfg))
    assert len(results) == 2
    for result in results:
        if 'pred_instances' in result:
            assert len(result.pred_instances) > 0
            assert torch.isfinite(result.pred_instances.bboxes).all()
        else:
            assert result.pred_sem_seg.data.shape == (1, *IMAGE_SIZE)
            assert torch.isfinite(result.seg_logits.data).all()


@pytest.mark.parametrize('task', TASKS)
@pytest.mark.parametrize('name', BACKBONES)
def test_each_backbone_serves_each_task(name: str, task: str) -> None:
    cfg, model = pair(name, task)
    train_a_step(cfg, model)
    predict(cfg, model)
    model.double()
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            # A channel that is the same everywhere would have its rounding magnified.
            norm.running_var.clamp_(min=0.002)
    folded = copy.deepcopy(model)
    fold(folded)  # a RepConv reads spikes once it is merged
    trace = trace_network(folded, images(), boxes=BOXES)
    assert trace.lost == set()
    assert any(op.spikes for op in trace.operations.contractions)
    twin, _ = to_spike_inference(model, images(), boxes=BOXES)
    assert_same_answers(model, twin, images())
    calls, _ = run(model, images())
    for neuron, its in calls.items():  # a difference of equal frames is zero everywhere
        assert any(c.counts.any() or not c.current.any() for c in its), f'{neuron} is silent'


@pytest.mark.parametrize('name', BACKBONES)
def test_each_backbone_has_a_graph_under_semantic_fpn(name: str, tmp_path: Path) -> None:
    _, model = pair(name, 'fpn', T=1)
    export_onnx(model, tmp_path / 'out', IMAGE_SIZE)
    network = WatchedNetwork(tmp_path / 'out', model, IMAGE_SIZE)
    assert_agree(model, network, torch.randn(1, 3, *IMAGE_SIZE))
