"""Parameter counts of the published configurations."""

import pytest
import torch
from golden import goldens
from mmengine.config import Config
from mmengine.registry import init_default_scope
from resnet_twins import RESNET_SIZES
from spike_sum_twins import SIZES as SUM_SIZES
from transformer_twins import SIZES

from spikedense.models.backbones import SDTV2, SDTV3
from spikedense.registry import MODELS as REGISTRY
from spikedense.utils.config_path import config_root

BACKBONES = {'Spiking_vit_MetaFormer': SDTV2, 'Spiking_vit_MetaFormerv2': SDTV3, 'SDEFormer': SDTV3}
#: Channel mixers of the receptive-field paper, by the end of the name of its classes.
MIXERS = {'SepConv_ChannelMLP': 'MLPixer', 'SepConv_splash': 'SRB'}
#: A file of counts holds models by name, each with its backbone.
MODELS = {
    name: entry
    for golden in goldens()
    for name, entry in golden.meta.items()
    if isinstance(entry, dict) and 'backbone' in entry
}


@pytest.mark.skipif(not MODELS, reason='no published counts: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('name', MODELS)
def test_backbone(name: str) -> None:
    """Our backbone has as many parameters as the published one."""
    entry = MODELS[name]
    official = entry.get('backbone_type', entry.get('type'))
    source = (entry.get('repository', '').partition('/')[2], str(official))
    own = {**SIZES, **SUM_SIZES, **RESNET_SIZES}.get(source)
    if own is not None:
        with torch.device('meta'):
            counted = sum(p.numel() for p in own(entry).parameters())
        assert counted == entry['backbone'] - entry['never_used_by_forward']
        return
    mixer = next((MIXERS[end] for end in MIXERS if str(official).endswith(end)), None)
    if official not in BACKBONES and mixer is None:
        pytest.skip(f'not covered yet: class {official}')
    args = {}
    if mixer is not None:
        mixers = [dict(type=mixer)] * 3 + [{}] * 2
        args = dict(channel_mixer=mixers, mlp_ratio=entry['mlp_ratios'])
    # The V3 class of that repository's segmentation code has layer scales, its namesakes have not.
    scaled = official.endswith('v2') and name.startswith('Spike-Driven-Transformer-V3/Segmentation')
    with torch.device('meta'):
        backbone = BACKBONES.get(official, SDTV3)(
            dict(embed_dims=entry['embed_dim']), layer_scale=1e-6 if scaled else None, **args
        )
    assert sum(p.numel() for p in backbone.parameters()) == entry['backbone']


HEADS = {name: entry for name, entry in MODELS.items() if 'head_parts' in entry}


@pytest.mark.skipif(not HEADS, reason='no published counts: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('name', HEADS)
def test_mask_classification_head(name: str) -> None:
    """Each part of our head, and the whole model, have as many parameters as published."""
    entry = HEADS[name]
    cfg = Config.fromfile(config_root() / '_base_/models/spike2former.py').model.decode_head
    channels = entry['embed_dim']
    cfg.in_channels = [channels[0] // 2, channels[0], channels[1], channels[3]]
    cfg.update(num_classes=entry['num_classes'], num_queries=entry['num_queries'])
    encoder = cfg.pixel_decoder.encoder
    encoder.update(num_layers=entry['encoder_layers'], mlp_ratio=entry['encoder_ffn'] // 256)
    cfg.transformer_decoder.num_layers = entry['decoder_layers']
    with torch.device('meta'):
        head = REGISTRY.build(cfg)
    parts = dict.fromkeys(entry['head_parts'], 0)
    for key, parameter in head.named_parameters():
        part = key.partition('.')[0]
        if key.startswith('mask_embed.shortcut_conv'):
            part = 'shortcut_conv'
        elif key == 'mask_embed.weight':
            continue  # the scalar w, which stands beside the official parts
        parts[part] += parameter.numel()
    assert parts == entry['head_parts']
    total = sum(p.numel() for p in head.parameters())
    assert total == entry['head'] and total + entry['backbone'] == entry['total']


DETECTORS = {name: entry for name, entry in MODELS.items() if 'rpn_head' in entry}


@pytest.mark.skipif(not DETECTORS, reason='no published counts: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('name', DETECTORS)
def test_mask_rcnn(name: str) -> None:
    """Neck and heads of our Mask R-CNN, and the whole model, have as many as the published one."""
    entry = DETECTORS[name]
    path = config_root() / 'mask_rcnn/mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'
    model = Config.fromfile(path).model
    model.neck.in_channels = entry['embed_dim']
    init_default_scope('mmdet')
    with torch.device('meta'):
        roi = model.roi_head
        parts = dict(
            neck=REGISTRY.build(model.neck),
            rpn_head=REGISTRY.build(model.rpn_head),
            bbox_head=REGISTRY.build(roi.bbox_head),
            mask_head=REGISTRY.build(roi.mask_head),
        )
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    assert counts == {name: entry[name] for name in counts}
    assert sum(counts.values()) + entry['backbone'] == entry['total']


#: Released config of the receptive-field paper -> ours.
ST_ERF = {
    'seg/C-MLP/c-mlp_512x512_4.5M_ade20k.py': 'fpn_sdtv3-5m-mlpixer_4xb10-160k_ade20k-512x512',
    'seg/C-MLP/c-mlp4_512x512_16.8M_ade20k.py': 'fpn_sdtv3-19m-mlpixer_4xb10-160k_ade20k-512x512',
    'seg/C-MLP/c-mlp6_512x512_16.8M_ade20k.py': 'fpn_sdtv3-19m-mlpixer6_4xb9-160k_ade20k-512x512',
    'seg/C-MLP/sr_512x512_ade20k.py': 'fpn_sdtv3-5m-srb_4xb10-160k_ade20k-512x512',
    'seg/C-MLP/sr_m_512x512_ade20k.py': 'fpn_sdtv3-10m-srb_4xb8-160k_ade20k-512x512',
    'seg/C-MLP/sr_l_512x512_ade20k.py': 'fpn-legacy_sdtv3-19m-srb_4xb6-160k_ade20k-512x512',
    'det/sr_fpn_1x_coco.py': 'mask-rcnn_sdtv3-19m-srb_2xb4-12e_coco-1333x800',
    'det/sr_s_fpn_1x_coco.py': 'mask-rcnn_sdtv3-5m-srb_2xb4-12e_coco-1333x800',
}


@pytest.mark.skipif(not MODELS, reason='no published counts: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('released', ST_ERF)
def test_st_erf_configs(released: str) -> None:
    """The configs with the mixers of that paper build models of the released sizes."""
    cfg = Config.fromfile(config_root() / f'st_erf/{ST_ERF[released]}.py')
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = REGISTRY.build(cfg.model)
    total = MODELS[f'Spatial-temporal-ERF/{released}']['total']
    assert sum(p.numel() for p in model.parameters()) == total


#: Of spike_fpn_mask_rcnn.md, in millions.
TOTALS = {
    'sdtv3-19m': 38.74,
    'sdtv3-10m': 21.17,
    'sdtv3-5m': 24.92,
    'sdtv2-15m-lif-t1': 34.86,
    'sdtv2-55m-lif-t1': 75.01,
}


@pytest.mark.parametrize('name', TOTALS)
def test_mask_rcnn_configs(name: str) -> None:
    """The shipped COCO configs have the sizes that the tables say."""
    path = config_root() / f'mask_rcnn/mask-rcnn_{name}_2xb4-12e_coco-1333x800.py'
    init_default_scope('mmdet')
    with torch.device('meta'):
        model = REGISTRY.build(Config.fromfile(path).model)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == TOTALS[name]
