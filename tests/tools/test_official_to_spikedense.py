"""The converter's command line."""

import importlib.util

import pytest
import torch
from contract import wake
from golden import Golden
from mmengine.config import Config
from reduced_models import build_model

from spikedense.converters import backbone_key, convert_state_dict
from spikedense.models.backbones import SDTV2
from spikedense.utils.config_path import config_root
from spikedense.utils.files import sha256_of


def convert_key(key: str) -> str | None:
    return convert_state_dict({key: torch.zeros(1)}).names.get(key)


@pytest.fixture(scope='module')
def convert(repo_root):
    path = repo_root / 'tools/model_converters/official_to_spikedense.py'
    spec = importlib.util.spec_from_file_location('official_to_spikedense', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *words: module.main([str(w) for w in words])


@pytest.fixture
def official(tmp_path, reference_dir):
    golden = Golden(reference_dir / 'sdtv3_5M_T1.json')
    state = {k: v.to(torch.float32) for k, v in golden.official_state().items()}
    torch.save(state, tmp_path / 'official.pth')
    return tmp_path / 'official.pth'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'cfg.py'
    path.write_text(
        "default_scope = 'mmseg'\nmodel = dict(backbone=dict(type='spikedense.SDTV3', arch='5M'))\n"
    )
    return path


def test_backbone(convert, official, config, tmp_path, capsys) -> None:
    target = tmp_path / 'new' / 'ours.pth'
    words = ('--part', 'backbone', '--config', config)
    with_head = {**torch.load(official), 'head.weight': torch.zeros(10, 256)}
    torch.save(with_head, official)
    convert(official, target, *words)
    content = torch.load(target)
    origin = dict(
        file='official.pth', sha256=sha256_of(official), family='Spike-driven Transformer'
    )
    assert content['meta'] == {'converted_from': origin}
    said = capsys.readouterr().out
    assert f'sha256: {sha256_of(official)}\nleft out: 1 keys (head.weight)\n' in said
    state = content['state_dict']
    assert all(k.startswith('stages.') for k in state)
    assert (
        sum(v.numel() for k, v in state.items() if 'running' not in k and 'num_' not in k)
        == 4_912_608
    )


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (
            lambda s: s.pop('block3.0.attn.q_conv.0.weight'),
            'weights missing: 1 of 506 (stages.3.blocks.0.',
        ),
        (lambda s: s.update(what=torch.zeros(1)), '1 keys that no rule knows: what'),
        (
            lambda s: s.update({'block3.0.layer_scale1': torch.zeros(128)}),
            'keys unknown to the model: 1 (stages.3.blocks.0.scales.conv.weight)',
        ),
        (
            lambda s: s.update({'downsample4.encode_bn.bias': torch.zeros(7)}),
            'of another shape: 1 of 506 (stages.4.downsample.norm.bias is [7], expected [192])',
        ),
        (lambda s: s.pop('downsample1_1.encode_conv.weight'), 'has no official keys'),
    ],
)
def test_what_does_not_fit_is_told(convert, official, config, tmp_path, capsys, spoil, message):
    state = torch.load(official)
    spoil(state)
    torch.save(state, official)
    with pytest.raises(SystemExit) as stop:
        convert(official, tmp_path / 'ours.pth', '--part', 'backbone', '--config', config)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'ours.pth').exists()


def test_a_missing_file_is_told(convert, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit):
        convert(tmp_path / 'none.pth', tmp_path / 'ours.pth')
    assert 'there is no checkpoint' in capsys.readouterr().err


def test_spike2former_gets_its_config(convert, reference_dir, tmp_path, capsys) -> None:
    """A whole model in official keys: the written config builds a model that takes the file."""
    arch = dict(embed_dims=(16, 16, 24, 40), num_heads=8)  # taps of 8, 16, 24 and 40 channels
    base = config_root() / 'spike2former/spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
    given = tmp_path / 'given.py'
    given.write_text(
        f'_base_ = {str(base)!r}\nmodel = dict(\n'
        f'    backbone=dict(arch=dict(_delete_=True, **{arch})),\n'
        '    decode_head=dict(in_channels=[8, 16, 24, 40]),\n)\n'
    )
    head = Golden(reference_dir / 's2f_maskformer_head.json')
    official = {f'decode_head.{k}': v for k, v in head.official_state().items()}
    backbone = Golden(reference_dir / 'sdtv2_nilif_15M_T1.json')
    neuron = dict(type='NILIF', D=8, stateful=False)  # the golden's own
    source = wake(SDTV2(arch, neuron_cfg=neuron), torch.randn(2, 3, 64, 96)).double()
    ours = source.state_dict()
    for key, shape in backbone.keys.items():
        value = ours[backbone_key(key)]
        official[f'backbone.{key}'] = value.squeeze(-1) if len(shape) == 3 else value
    torch.save(official, tmp_path / 'official.pth')
    target = tmp_path / 'ours.pth'
    convert(tmp_path / 'official.pth', target, '--config', given, '--D', '8')
    assert f'the config for it: {tmp_path / "ours.py"}' in capsys.readouterr().out

    # Once more is no harm; a config of the user's own in its place is not touched.
    written = (tmp_path / 'ours.py').read_text()
    convert(tmp_path / 'official.pth', target, '--config', given, '--D', '8')
    before = given.read_text()
    with pytest.raises(SystemExit):
        convert(tmp_path / 'official.pth', given.with_suffix('.pth'), '--config', given, '--D', '8')
    assert given.read_text() == before and not given.with_suffix('.pth').exists()
    assert "given.py', where the config for the new file goes" in capsys.readouterr().err
    assert (tmp_path / 'ours.py').read_text() == written

    cfg = Config.fromfile(tmp_path / 'ours.py')
    assert cfg.model.decode_head.legacy_layout is True
    assert cfg.model.decode_head.num_classes == 6 and cfg.model.decode_head.num_queries == 20
    assert cfg.model.backbone.neuron_cfg == neuron and cfg.model.backbone.T == 1
    model = build_model(cfg).double()
    state = torch.load(target)['state_dict']
    counters = {k: v for k, v in model.state_dict().items() if k not in state}
    assert all(k.endswith('num_batches_tracked') for k in counters)
    model.load_state_dict({**state, **counters}, strict=True)

    # Its numbers are the golden ones of the head, and those of the backbone.
    model.eval()
    levels = head.inputs()
    x = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        for i, out in enumerate(model.decode_head([levels[key] for key in sorted(levels)])):
            head.assert_close(f'out{i}', out, head.arrays[f'out{i}'])
        for out, expected in zip(model.backbone(x), source(x), strict=True):
            assert expected.std() > 0
            torch.testing.assert_close(out, expected)


#: Layer of a segmentor's mask MLP -> its name in a detector's.
NUMBERED = {'fc1': '0', 'fc2': '2', 'fc_out': '4'}


def test_panoptic_spike2former(convert, reference_dir, tmp_path) -> None:
    """The detector's names of the layers, and a T that is no time axis; the same function."""
    pytest.importorskip('mmdet.models', reason="mmdet's models need mmcv's compiled ops")
    arch = dict(embed_dims=(16, 16, 24, 40), num_heads=8)
    base = (
        config_root()
        / 'spike2former/spike2former_sdtv2-15m_8xb3-368750i_coco-panoptic-1024x1024.py'
    )
    given = tmp_path / 'given.py'
    classes = 'num_things_classes=4, num_stuff_classes=2'
    given.write_text(
        f'_base_ = {str(base)!r}\nmodel = dict(\n'
        f'    backbone=dict(T=4, arch=dict(_delete_=True, **{arch})),\n'
        f'    panoptic_head=dict(in_channels=[8, 16, 24, 40], {classes}),\n'
        f'    panoptic_fusion_head=dict({classes}),\n)\n'
    )
    head = Golden(reference_dir / 's2f_maskformer_head.json')
    official = {}
    for key, value in head.official_state().items():
        part, _, rest = key.partition('.')
        if part == 'mask_embed':
            layer, _, name = rest.partition('.')
            key = f'{part}.{NUMBERED[layer]}.{name}'
        official[f'panoptic_head.{key}'] = value
    source = SDTV2(arch).state_dict()
    for key, shape in Golden(reference_dir / 'sdtv2_nilif_15M_T1.json').keys.items():
        value = source[backbone_key(key)]
        official[f'backbone.{key}'] = value.squeeze(-1) if len(shape) == 3 else value
    torch.save({'state_dict': official}, tmp_path / 'official.pth')
    words = ('--config', given, '--D', '8')
    convert(tmp_path / 'official.pth', tmp_path / 'ours.pth', *words)

    cfg = Config.fromfile(tmp_path / 'ours.py')
    assert cfg.model.backbone.T == 1
    assert cfg.model.panoptic_head.legacy_layout is True
    model = build_model(cfg).double().eval()
    state = torch.load(tmp_path / 'ours.pth')['state_dict']
    assert model.load_state_dict(state, strict=False).unexpected_keys == []
    levels = head.inputs()
    with torch.no_grad():
        for i, out in enumerate(model.panoptic_head([levels[key] for key in sorted(levels)])):
            head.assert_close(f'out{i}', out, head.arrays[f'out{i}'])

    official['panoptic_head.mask_embed.6.weight'] = torch.zeros(1)
    torch.save({'state_dict': official}, tmp_path / 'official.pth')
    with pytest.raises(SystemExit):
        convert(tmp_path / 'official.pth', tmp_path / 'other.pth', *words)


#: Part of the official detector -> a golden that has its keys.
DETECTOR = {
    'backbone': 'sdeformer_det_5M',
    'neck': 'spike_fpn',
    'rpn_head': 'spike_rpn_head_convs1',
    'roi_head.bbox_head': 'spike_bbox_head',
    'roi_head.mask_head': 'spike_fcn_mask_head',
}


def test_mask_rcnn(convert, reference_dir, tmp_path) -> None:
    """A whole detector in official keys becomes a model, key by key and shape by shape."""
    base = config_root() / 'mask_rcnn/mask-rcnn-legacy_sdtv3-19m_2xb4-12e_coco-1333x800.py'
    given = tmp_path / 'given.py'
    given.write_text(
        f'_base_ = {str(base)!r}\nmodel = dict(\n'
        '    backbone=dict(arch=dict(_delete_=True, embed_dims=[16, 16, 24, 40])),\n'
        '    neck=dict(in_channels=[16, 16, 24, 40]),\n)\n'
    )
    ours = build_model(Config.fromfile(given)).state_dict()
    official = {}
    for part, name in DETECTOR.items():
        for key, shape in Golden(reference_dir / f'{name}.json').keys.items():
            value = torch.randn_like(ours[convert_key(f'{part}.{key}')].float())
            official[f'{part}.{key}'] = value.squeeze(-1) if len(shape) == 3 else value
    torch.save({'state_dict': official}, tmp_path / 'official.pth')
    target = tmp_path / 'ours.pth'
    convert(tmp_path / 'official.pth', target, '--config', given)
    state = torch.load(target)['state_dict']
    counters = {k: v for k, v in ours.items() if k.endswith('num_batches_tracked')}
    build_model(Config.fromfile(given)).load_state_dict({**counters, **state}, strict=True)
    last = 'roi_head.mask_head.convs.3.conv.weight'
    assert torch.equal(state[last], official['roi_head.mask_head.convs.3.1.0.conv.weight'])


@pytest.mark.parametrize(
    ('official', 'ours'),
    [
        ('bbox_head.cls_convs.1.0.conv.weight', 'bbox_head.cls_convs.0.conv.weight'),
        ('bbox_head.reg_convs.7.0.conv.bias', 'bbox_head.reg_convs.3.conv.bias'),
        ('bbox_head.retina_cls.0.weight', 'bbox_head.retina_cls.conv.weight'),
        ('rpn_head.rpn_conv.2.1.0.conv.bias', 'rpn_head.rpn_conv.2.conv.bias'),
        (
            'roi_head.bbox_head.1.shared_convs.3.1.0.bn.weight',
            'roi_head.bbox_head.1.shared_convs.3.norm.weight',
        ),
        ('neck.fpn_convs.4.1.0.conv.bias', 'neck.fpn_convs.4.conv.bias'),
        ('roi_head.shared_head.0.weight', None),
    ],
)
def test_keys_of_detectors_without_a_golden(official, ours) -> None:
    assert convert_key(official) == ours
