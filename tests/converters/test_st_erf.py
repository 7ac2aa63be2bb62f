"""Official checkpoints of the receptive-field paper (ST-ERF), of all parts of its code."""

from pathlib import Path
from typing import Any

import pytest
import torch
from golden import Golden
from mmengine.config import Config
from reduced_models import build_model
from torch import Tensor

from spikedense.cli import command
from spikedense.converters import convert_state_dict
from spikedense.errors import UserError
from spikedense.models.backbones import SDTV3
from spikedense.utils.config_path import config_root

MLPIXER = [dict(type='MLPixer')] * 3 + [{}] * 2
SRB = [dict(type='SRB')] * 3 + [{}] * 2


@pytest.mark.parametrize(
    ('official', 'ours'),
    [
        ('ConvBlock1_1.0.fc1.weight', 'stages.0.blocks.0.branches.channel_mixer.widen.linear'),
        ('ConvBlock2_2.0.fc2.weight', 'stages.2.blocks.1.branches.channel_mixer.narrow.linear'),
        ('ConvBlock1_2.0.conv2.weight', 'stages.1.blocks.0.branches.channel_mixer.narrow.conv'),
        ('ConvBlock2_1.0.bn2.weight', 'stages.2.blocks.0.branches.channel_mixer.narrow.norm'),
    ],
)
def test_keys_of_the_mixers(official: str, ours: str) -> None:
    (key,) = convert_state_dict({official: torch.zeros(1)}).state_dict
    assert key == f'backbone.{ours}.weight'


#: Folder of the code -> a golden case, how its files hold the weights, and the settings.
FILES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    'seg': (
        'sterf_seg_splash_s',
        lambda state: {'state_dict': {f'backbone.{k}': v for k, v in state.items()}},
        dict(channel_mixer=SRB),
    ),
    'det': (
        'sterf_det_mlpixer4_s',
        # Detectors cut off nine characters, as of `backbone.`.
        lambda state: {'state_dict': {f'backbone.{k}': v for k, v in state.items()}},
        dict(channel_mixer=MLPIXER, out_indices=(1, 2, 3, 4)),
    ),
    'classifier of det': (
        'sterf_det_mlpixer4_s',
        lambda state: {'model': {**state, 'head.weight': torch.zeros(10, 192)}},
        dict(channel_mixer=MLPIXER, out_indices=(1, 2, 3, 4)),
    ),
    'erf_compute': (
        'sterf_erfcompute_splash_s',
        lambda state: state,
        dict(channel_mixer=SRB, neuron_cfg=dict(type='NILIF', D=8, stateful=False)),
    ),
}


@pytest.mark.parametrize('name', FILES)
def test_init_cfg_takes_official_files(name: str, reference_dir: Path, tmp_path: Path) -> None:
    case, put_in_file, args = FILES[name]
    golden = Golden(reference_dir / f'{case}.json')
    path = tmp_path / 'official.pth'
    torch.save(put_in_file(golden.official_state()), path)
    neuron = dict(type='NILIF', D=4, stateful=False)
    backbone = SDTV3(
        '5M',
        init_cfg=dict(type='Pretrained', checkpoint=str(path)),
        **{'neuron_cfg': neuron, **args},
    )
    backbone.double().eval().init_weights()
    with torch.no_grad():
        outs = backbone(golden.inputs()['x'])
    for i, out in enumerate(outs if 'out0' in golden.arrays else ()):
        golden.assert_close(f'out{i}', out[0] if name == 'seg' else out, golden.arrays[f'out{i}'])


def test_another_mixer_does_not_fit(reference_dir: Path, tmp_path: Path) -> None:
    state = Golden(reference_dir / 'sterf_seg_splash_s.json').official_state()
    torch.save(state, tmp_path / 'official.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'official.pth'))
    for mixers in (MLPIXER, None):
        with pytest.raises(UserError, match='channel_mixer'):
            SDTV3('5M', channel_mixer=mixers, init_cfg=init_cfg).init_weights()


#: Config of a whole model -> golden cases with the official keys of its parts, and small widths.
WHOLE = {
    'fpn-legacy_sdtv3-19m-srb_4xb6-160k_ade20k-512x512': (
        {'backbone': 'sterf_seg_splash_s', 'neck': 'qfpn_erf', 'decode_head': 'qfpn_head_erf'},
        [8, 16, 24, 40],
    ),
    'mask-rcnn-legacy_sdtv3-19m-srb_2xb4-12e_coco-1333x800': (
        {
            'backbone': 'sterf_det_splash_s',
            'neck': 'spike_fpn',
            'rpn_head': 'spike_rpn_head_convs1',
            'roi_head.bbox_head': 'spike_bbox_head',
            'roi_head.mask_head': 'spike_fcn_mask_head',
        },
        [16, 16, 24, 40],
    ),
}


@pytest.mark.parametrize('name', WHOLE)
def test_whole_models(name: str, reference_dir: Path, tmp_path: Path) -> None:
    parts, taps = WHOLE[name]
    given = tmp_path / 'given.py'
    given.write_text(
        f"_base_ = '{config_root() / 'st_erf' / name}.py'\nmodel = dict(\n"
        '    backbone=dict(arch=dict(_delete_=True, embed_dims=[16, 16, 24, 40])),\n'
        f'    neck=dict(in_channels={taps}),\n)\n'
    )
    ours = build_model(Config.fromfile(given)).state_dict()
    official: dict[str, Tensor] = {}
    for part, case in parts.items():
        for key, shape in Golden(reference_dir / f'{case}.json').keys.items():
            (new,) = convert_state_dict({f'{part}.{key}': torch.zeros(1)}).state_dict
            value = torch.randn_like(ours[new].float())
            official[f'{part}.{key}'] = value.squeeze(-1) if len(shape) == 3 else value
    torch.save({'state_dict': official}, tmp_path / 'official.pth')
    target = tmp_path / 'ours.pth'
    command('convert')([str(tmp_path / 'official.pth'), str(target), '--config', str(given)])
    state = torch.load(target)['state_dict']
    assert state.keys() | {k for k in ours if k.endswith('num_batches_tracked')} == ours.keys()
    linear = 'backbone.stages.0.blocks.0.branches.channel_mixer.widen.linear.weight'
    assert torch.equal(state[linear], official['backbone.ConvBlock1_1.0.fc1.weight'])
