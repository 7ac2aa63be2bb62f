"""Second stage of the spiking Mask R-CNN: the time axis through mmdet's own code."""

from typing import Any

import pytest
import torch
from mmdet.structures.bbox import bbox2roi
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor, nn

T, B, C = 3, 2, 8
STRIDES = [4, 8, 16, 16]
BN = dict(type='BN')
LIF = dict(type='LIF')
BOXES = [torch.tensor([[4.0, 4, 40, 30], [10, 4, 90, 60]]), torch.tensor([[0.0, 0, 95, 63]])]


def build(name: str, **kwargs: Any) -> nn.Module:
    init_default_scope('mmdet')
    module = MODELS.build(ConfigDict(type=name, **kwargs))
    module.init_weights()
    return module.double()


def extractor(
    size: int = 7, kind: str = 'spikedense.SpikeRoIExtractor', **kwargs: Any
) -> nn.Module:
    roi_layer = dict(type='RoIAlign', output_size=size, sampling_ratio=0)
    return build(kind, roi_layer=roi_layer, out_channels=C, featmap_strides=STRIDES, **kwargs)


def features(channels_last: bool = False) -> list[Tensor]:
    """Maps ``[T, B, C, H, W]`` of an image of 64x96."""
    maps = [torch.randn(T * B, C, 64 // s, 96 // s, dtype=torch.double) for s in STRIDES]
    if channels_last:
        maps = [m.contiguous(memory_format=torch.channels_last) for m in maps]
    return [m.unflatten(0, (T, B)).requires_grad_() for m in maps]


def images_first(feats: list[Tensor]) -> tuple[Tensor, ...]:
    return tuple(x.transpose(0, 1) for x in feats)


@pytest.mark.parametrize('channels_last', [False, True])
def test_rois_are_read_from_each_step(channels_last: bool) -> None:
    feats = features(channels_last)
    rois = bbox2roi([boxes.double() for boxes in BOXES])
    out = extractor()(images_first(feats), rois)
    assert out.shape == (T, 3, C, 7, 7)
    stock = extractor(kind='SingleRoIExtractor')
    for t in range(T):
        expected = stock(tuple(x[t].contiguous() for x in feats), rois)
        torch.testing.assert_close(out[t], expected)
    out.sum().backward()
    assert all(x.grad is not None and torch.isfinite(x.grad).all() for x in feats)


def test_no_rois() -> None:
    out = extractor()(images_first(features()), torch.zeros(0, 5, dtype=torch.double))
    assert out.shape == (T, 0, C, 7, 7)


def roi_head(
    kind: str = 'SpikeStandardRoIHead', neuron_cfg: dict[str, Any] = LIF, **changes: Any
) -> nn.Module:
    roi = dict(
        type='spikedense.SpikeRoIExtractor', out_channels=C, featmap_strides=STRIDES
    )  # the size differs
    align = dict(type='RoIAlign', sampling_ratio=0)
    coder = dict(type='DeltaXYWHBBoxCoder', target_stds=[0.1, 0.1, 0.2, 0.2])
    assigner = dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5)
    sampler = dict(type='RandomSampler', num=16, pos_fraction=0.5, add_gt_as_proposals=True)
    train_cfg = dict(assigner=assigner, sampler=sampler, mask_size=28, pos_weight=-1, debug=False)
    box = dict(
        type='spikedense.SpikeConvFCBBoxHead',
        in_channels=C,
        fc_out_channels=16,
        num_classes=3,
        bbox_coder=coder,
        neuron_cfg=neuron_cfg,
        norm_cfg=BN,
        loss_bbox=dict(type='L1Loss'),
    )
    mask = dict(
        type='spikedense.SpikeFCNMaskHead',
        in_channels=C,
        conv_out_channels=C,
        num_classes=3,
        neuron_cfg=neuron_cfg,
        norm_cfg=BN,
    )
    args: dict[str, Any] = dict(
        bbox_roi_extractor=dict(roi, roi_layer=dict(align, output_size=7)),
        bbox_head=box,
        mask_roi_extractor=dict(roi, roi_layer=dict(align, output_size=14)),
        mask_head=mask,
        train_cfg=train_cfg,
        test_cfg=dict(
            score_thr=0.0,
            nms=dict(type='nms', iou_threshold=0.5),
            max_per_img=5,
            mask_thr_binary=0.5,
        ),
    )
    if kind == 'SpikeCascadeRoIHead':
        args.update(
            num_stages=2,
            stage_loss_weights=[1, 0.5],
            bbox_head=[dict(box, reg_class_agnostic=True)] * 2,
            train_cfg=[train_cfg] * 2,
        )
    args.update(changes)
    return build(f'spikedense.{kind}', **args)


def samples() -> list[Any]:
    from mmdet.structures import DetDataSample

    found = []
    for boxes in BOXES:
        meta = dict(img_shape=(64, 96), ori_shape=(64, 96), scale_factor=(1.0, 1.0))
        sample = DetDataSample(metainfo=meta)
        masks = torch.zeros(len(boxes), 64, 96, dtype=torch.uint8)
        for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist(), strict=True):
            mask[top:bottom, left:right] = 1
        sample.gt_instances = InstanceData(
            bboxes=boxes.double(),
            labels=torch.arange(len(boxes)),
            masks=BitmapMasks(masks.numpy(), 64, 96),
        )
        found.append(sample)
    return found


def proposals(number: int = 6) -> list[InstanceData]:
    corners = torch.rand(B, number, 2, dtype=torch.double) * torch.tensor([50.0, 30.0])
    sizes = torch.rand(B, number, 2, dtype=torch.double) * 30 + 4
    boxes = torch.cat([corners, corners + sizes], dim=2)
    return [
        InstanceData(bboxes=each, scores=torch.ones(number), labels=torch.zeros(number).long())
        for each in boxes
    ]


@pytest.mark.parametrize('kind', ['SpikeStandardRoIHead', 'SpikeCascadeRoIHead'])
def test_losses_and_detections_of_a_clip(kind: str) -> None:
    """Three steps of two images: mmdet must take neither axis for the other."""
    head = roi_head(kind)
    losses = head.loss(tuple(features()), proposals(), samples())
    total = sum(v.sum() for k, v in losses.items() if 'loss' in k)
    total.backward()
    assert torch.isfinite(total) and total > 0
    assert all(p.grad is not None for p in head.parameters())
    with torch.no_grad():
        # mmdet pastes masks in float32 alone.
        feats = tuple(x.float() for x in features())
        boxes = [InstanceData(bboxes=each.bboxes.float()) for each in proposals()]
        found = head.eval().float().predict(feats, boxes, samples(), rescale=True)
    assert len(found) == B
    assert all(0 < len(each) <= 5 and each.masks.shape[1:] == (64, 96) for each in found)


def test_equal_steps_are_one_step() -> None:
    """Where neurons have no state, a repeated step changes nothing: RoIs are shared over time."""
    neuron_cfg = dict(type='NILIF', D=4, stateful=False)
    head = roi_head(neuron_cfg=neuron_cfg).eval()
    one = [x[:1].detach() for x in features()]
    boxes = proposals()
    once, thrice = head(tuple(one), boxes), head(tuple(x.repeat(3, 1, 1, 1, 1) for x in one), boxes)
    for a, b in zip(once, thrice, strict=True):
        torch.testing.assert_close(a, b)


def test_an_image_without_positive_rois() -> None:
    """No mask is learnt from, no statistics change, and every parameter is in the graph."""
    head = roi_head()
    data = samples()
    for sample in data:
        sample.gt_instances = sample.gt_instances[:0]
    before = head.mask_head.convs[0].norm.running_mean.clone()
    losses = head.loss(tuple(features()), proposals(), data)
    total = sum(v.sum() for k, v in losses.items() if 'loss' in k)
    total.backward()
    assert torch.isfinite(total)
    assert all(p.grad is not None for p in head.parameters())
    assert torch.equal(head.mask_head.convs[0].norm.running_mean, before)


def test_wrong_parts_are_told() -> None:
    extractor_cfg = dict(
        type='SingleRoIExtractor',
        roi_layer=dict(type='RoIAlign', output_size=7),
        out_channels=C,
        featmap_strides=STRIDES,
    )
    with pytest.raises(ValueError, match=r"bbox_roi_extractor.*'SingleRoIExtractor'.*SpikeRoI"):
        roi_head(bbox_roi_extractor=extractor_cfg)
    with pytest.raises(ValueError, match='mask_roi_extractor is missing'):
        roi_head(mask_roi_extractor=None)
    with pytest.raises(ValueError, match="upsample_cfg type='bilinear', expected 'deconv'"):
        build('spikedense.SpikeFCNMaskHead', upsample_cfg=dict(type='bilinear', scale_factor=2))
    with pytest.raises(ValueError, match=r"predictor_cfg=.*'NormedConv2d'.*, expected"):
        build('spikedense.SpikeFCNMaskHead', predictor_cfg=dict(type='NormedConv2d'))
    stock = dict(type='Shared2FCBBoxHead', in_channels=C, num_classes=3)
    with pytest.raises(ValueError, match="bbox_head has type='Shared2FCBBoxHead', expected"):
        roi_head(bbox_head=stock)
    with pytest.raises(ValueError, match='SpikeFCNMaskHead: neuron_cfg has keep_state=True'):
        build('spikedense.SpikeFCNMaskHead', neuron_cfg=dict(type='LIF', keep_state=True))
    with pytest.raises(ValueError, match='with_avg_pool=True, expected False'):
        build('spikedense.SpikeConvFCBBoxHead', with_avg_pool=True)


@pytest.mark.parametrize(
    'layers',
    [
        dict(num_shared_fcs=2),
        dict(num_shared_convs=2, num_shared_fcs=1),
        dict(num_shared_convs=1, num_shared_fcs=0, num_cls_fcs=1, num_reg_convs=1),
    ],
    ids=['2fc', '2conv-1fc', 'branches'],
)
@pytest.mark.parametrize('spiked', [False, True])
def test_box_head_layouts(layers: dict[str, int], spiked: bool) -> None:
    head = build(
        'spikedense.SpikeConvFCBBoxHead',
        in_channels=C,
        conv_out_channels=6,
        fc_out_channels=16,
        num_classes=3,
        spike_before_predictor=spiked,
        norm_cfg=BN,
        **layers,
    )
    seen: dict[str, Tensor] = {}
    for name in ('fc_cls', 'fc_reg'):
        getattr(head, name).register_forward_pre_hook(
            lambda _, args, name=name: seen.update({name: args[0]})
        )
    scores, deltas = head(torch.randn(T, 5, C, 7, 7, dtype=torch.double))
    assert scores.shape == (5, 4) and deltas.shape == (5, 12)
    for x in seen.values():
        counts = 4 * x
        assert torch.equal(counts, counts.round()) is spiked


def test_mean_over_time_is_of_logits() -> None:
    head = build(
        'spikedense.SpikeConvFCBBoxHead', in_channels=C, fc_out_channels=16, neuron_cfg=LIF
    )
    x = 3 * torch.randn(T, 5, C, 7, 7, dtype=torch.double)
    hidden = x
    for fc in head.shared_fcs:
        hidden = fc(hidden.flatten(2))
    torch.testing.assert_close(head(x)[0], torch.stack([head.fc_cls(h) for h in hidden]).mean(0))


def test_mask_head_shortcuts_add_membranes() -> None:
    cfg = dict(in_channels=C, conv_out_channels=C, num_convs=2)
    torch.manual_seed(0)
    plain = build('spikedense.SpikeFCNMaskHead', **cfg)
    residual = build('spikedense.SpikeFCNMaskHead', residual=True, **cfg)
    residual.load_state_dict(plain.state_dict())
    x = torch.randn(T, 2, C, 14, 14, dtype=torch.double)
    first = x + plain.convs[0](x)
    expected = plain.conv_logits(plain.upsample(first + plain.convs[1](first))).mean(0)
    torch.testing.assert_close(residual(x), expected)
    assert not torch.equal(residual(x), plain(x))


def test_heads_start_as_mmdets() -> None:
    """Kaiming for convolutions, of which the published mask head misses the last two."""
    mask = dict(in_channels=64, conv_out_channels=64)
    box = dict(in_channels=64, conv_out_channels=64, num_shared_convs=2, num_classes=3)
    for name, ours, stock in (
        ('FCNMaskHead', build('spikedense.SpikeFCNMaskHead', **mask), build('FCNMaskHead', **mask)),
        (
            'ConvFCBBoxHead',
            build('spikedense.SpikeConvFCBBoxHead', **box),
            build('ConvFCBBoxHead', num_shared_fcs=2, **box),
        ),
    ):
        expected = dict(stock.named_parameters())
        found = {
            key.replace('shared_fcs.0.linear', 'shared_fcs.0').replace('1.linear', '1'): value
            for key, value in ours.named_parameters()
        }
        for key in ('upsample', 'conv_logits'):
            for leaf in ('weight', 'bias'):
                if f'{key}.conv.{leaf}' in found:
                    found[f'{key}.{leaf}'] = found.pop(f'{key}.conv.{leaf}')
        assert found.keys() == expected.keys(), name
        for key, value in found.items():
            spread = expected[key].std().item()
            assert value.std().item() == pytest.approx(spread, rel=0.1, abs=1e-6), key


def test_rois_keep_their_place_in_half_precision() -> None:
    """bfloat16 knows no number between 1024 and 1032: a box there would be another one."""
    box = torch.tensor([[0, 1020.0, 12, 1028, 52]])
    maps = tuple(torch.arange(1040 // s).expand(1, 1, C, 64 // s, -1) * float(s) for s in STRIDES)
    read = extractor().float()
    exact = read(maps, box)
    half = read(tuple((x / 1040).bfloat16() for x in maps), box)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(1040 * half.float(), exact, atol=2.5, rtol=0)
