"""First stage of Mask R-CNN, RetinaNet, and the strides of their levels."""

from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, TASK_UTILS, init_default_scope
from torch import Tensor, nn

from spikedense.utils.config_path import config_root

T, B, C = 3, 2, 8
LIF = dict(type='LIF')
COCO = 'mask_rcnn/mask-rcnn{}_sdtv3-19m_2xb4-12e_coco-1333x800.py'


def build(name: str, **kwargs: Any) -> nn.Module:
    init_default_scope('mmdet')
    module = MODELS.build(dict(type=f'spikedense.{name}', in_channels=C, feat_channels=C, **kwargs))
    module.init_weights()
    return module


def clip() -> Tensor:
    return 3 * torch.randn(T, B, C, 6, 9)


@pytest.mark.parametrize('num_convs', [1, 3])
@pytest.mark.parametrize('norm_cfg', [None, dict(type='BN')])
def test_proposals_are_means_over_time(num_convs: int, norm_cfg: dict | None) -> None:
    head = build('SpikeRPNHead', num_convs=num_convs, norm_cfg=norm_cfg, neuron_cfg=LIF).eval()
    x = clip()
    scores, deltas = head.forward_single(x)
    assert scores.shape == (B, 9, 6, 9) and deltas.shape == (B, 36, 6, 9)
    hidden = x
    for conv in head.rpn_conv:
        hidden = conv(hidden)
    torch.testing.assert_close(scores, head.rpn_cls(hidden).mean(0))
    torch.testing.assert_close(deltas, head.rpn_reg(hidden).mean(0))
    torch.testing.assert_close(head.forward_single(x[0])[0], head.forward_single(x[:1])[0])


def test_retina_branches_do_not_share_a_neuron() -> None:
    head = build('SpikeRetinaHead', num_classes=4, stacked_convs=2, neuron_cfg=LIF).eval()
    x = clip()
    scores, deltas = head.forward_single(x)
    assert scores.shape == (B, 9 * 4, 6, 9) and deltas.shape == (B, 9 * 4, 6, 9)
    torch.testing.assert_close(deltas, head.retina_reg(head.reg_convs(x)).mean(0))
    assert head.retina_cls.neuron is not head.retina_reg.neuron


def test_retina_starts_sure_of_background() -> None:
    """The prior is found although the predictor is wrapped."""
    head = build('SpikeRetinaHead', num_classes=4, stacked_convs=1)
    prior = head.retina_cls.conv.bias.sigmoid()
    torch.testing.assert_close(prior, torch.full_like(prior, 0.01))
    assert (head.retina_reg.conv.bias == 0).all()


def levels(cfg: Config) -> list[tuple[int, int]]:
    """Sizes of the pyramid's levels of an image of 256x384."""
    model = cfg.model
    model.backbone.arch = dict(embed_dims=[8, 8, 8, 8], depths=[0] * 5, num_heads=1)
    model.neck.update(in_channels=[8] * len(model.backbone.out_indices), out_channels=8)
    init_default_scope('mmdet')
    backbone, neck = MODELS.build(model.backbone), MODELS.build(model.neck)
    with torch.no_grad():
        return [tuple(x.shape[-2:]) for x in neck(backbone(torch.zeros(1, 3, 256, 384)))]


def config(variant: str) -> Config:
    return Config.fromfile(config_root() / COCO.format(variant))


@pytest.mark.parametrize(
    ('variant', 'fits'), [('', True), ('-stage4-stride2', True), ('-legacy', False)]
)
def test_anchors_cover_their_level(variant: str, fits: bool) -> None:
    """mmdet's valid flags: cells of a level that lie on the image by the declared stride."""
    cfg = config(variant)
    sizes = levels(cfg)
    generator = TASK_UTILS.build(cfg.model.rpn_head.anchor_generator)
    flags = generator.valid_flags(sizes, (256, 384), device='cpu')
    shares = [flag.float().mean().item() for flag in flags]
    assert (shares == [1.0] * 5) is fits
    if not fits:  # three quarters of the last two levels are out of use
        assert shares == [1.0, 1.0, 1.0, 0.25, 0.25]


@pytest.mark.parametrize(
    ('variant', 'fits'), [('', True), ('-stage4-stride2', True), ('-legacy', False)]
)
def test_a_large_box_reads_its_own_features(variant: str, fits: bool) -> None:
    """A level that holds its own coordinates: what RoIAlign reads is where the box is."""
    cfg = config(variant)
    sizes = levels(cfg)
    extractor = cfg.model.roi_head.bbox_roi_extractor
    extractor.update(out_channels=2)
    maps = []
    for height, width in sizes[:4]:
        ys = (torch.arange(height) + 0.5) * 256 / height
        xs = (torch.arange(width) + 0.5) * 384 / width
        maps.append(torch.stack(torch.meshgrid(ys, xs, indexing='ij'))[None, None])
    extractor.finest_scale = 10  # so that a box of this small image belongs to the last level
    box = torch.tensor([[0.0, 120, 60, 300, 200]])
    read = MODELS.build(extractor)(tuple(maps), box)[0, 0]  # [2, 7, 7]
    centre = read.mean((1, 2))
    expected = torch.tensor([130.0, 210.0])
    assert torch.allclose(centre, expected, atol=1.0) is fits
    if not fits:
        torch.testing.assert_close(centre, expected / 2, atol=4.5, rtol=0)


def test_anchor_sizes_are_those_of_mmdet() -> None:
    init_default_scope('mmdet')
    ours = config('')
    generator = TASK_UTILS.build(ours.model.rpn_head.anchor_generator)
    legacy = TASK_UTILS.build(config('-legacy').model.rpn_head.anchor_generator)
    for one, other in zip(generator.base_anchors, legacy.base_anchors, strict=True):
        sizes = [(a[:, 2:] - a[:, :2]) for a in (one, other)]
        torch.testing.assert_close(*sizes)


@pytest.mark.parametrize('name', ['SpikeRPNHead', 'SpikeRetinaHead'])
def test_a_state_would_go_from_level_to_level(name: str) -> None:
    with pytest.raises(ValueError, match=f'{name}: neuron_cfg has keep_state=True, expected False'):
        build(name, num_classes=1, neuron_cfg=dict(type='LIF', keep_state=True))
