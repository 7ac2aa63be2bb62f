"""The memory of attentions: the example of the papers' sizes, and the rows of a report."""

import json

import pytest
import torch
from reduced_models import IMAGE_SIZE, build_model, reduced_config
from scored_attention import ScoredSelfAttention, UnscoredSelfAttention
from torch import nn

from spikedense.analysis.attention_memory import AttentionMaps, assumptions_of, bytes_of
from spikedense.analysis.energy_report import energy_report
from spikedense.models.layers.attention import AttentionMemory
from spikedense.utils.config_path import config_root

DEMO = 'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'
CFG = dict(neuron_cfg=dict(type='NILIF', D=1), norm_cfg=dict(type='BN'))


def test_512_channels() -> None:
    # 512 channels in 8 heads: k^T v of 131 kB, the state of 8 dendrites of 16 kB.
    product = AttentionMemory(state=32 * 512 * 512 // 8, queries=196 * 512, tokens=3 * 196 * 512)
    dendrites = AttentionMemory(state=32 * 8 * 512, queries=0, tokens=3 * 196 * 512, buffer=1000)
    assert bytes_of(product)['state'] == 131072
    assert bytes_of(dendrites)['state'] == 16384
    assert bytes_of(product)['streaming'] == 131072 + 196 * 64
    assert bytes_of(product)['materialised'] == 131072 + 3 * 196 * 64
    assert bytes_of(dendrites)['streaming'] == 16384 + 125


def test_answer_of_a_module() -> None:
    memory = ScoredSelfAttention(512, 8, **CFG).attention_memory(14, 14)
    assert bytes_of(memory) == dict(
        state=131072, queries=12544, tokens=37632, buffer=0, streaming=143616, materialised=168704
    )


def test_largest_map_of_each_attention() -> None:
    net = nn.ModuleDict(
        dict(
            wide=ScoredSelfAttention(16, 2, **CFG),
            narrow=ScoredSelfAttention(8, 2, **CFG),
            idle=ScoredSelfAttention(8, 2, **CFG),
            other=UnscoredSelfAttention(8, 2, **CFG),
        )
    ).eval()
    maps = AttentionMaps(net)
    with torch.no_grad():
        for size in ((2, 3), (4, 5), (1, 1)):
            net['wide'](torch.rand(1, 1, 16, *size))
            net['narrow'](x=torch.rand(2, 3, 8, *size))
    maps.remove()
    report = maps.report()
    assert not net['wide']._forward_pre_hooks
    rows = report['modules']
    assert [(r['name'], r['height'], r['width']) for r in rows] == [
        ('wide', 4, 5),
        ('narrow', 4, 5),
    ]
    assert rows[0]['bytes'] == bytes_of(net['wide'].attention_memory(4, 5))
    for way in ('streaming', 'materialised'):
        assert report['largest'][way] == dict(name='wide', bytes=rows[0]['bytes'][way])
    for key, total in report['sum'].items():
        assert total == rows[0]['bytes'][key] + rows[1]['bytes'][key]
    assert 'overrides forward' in report['refused']['other']
    assert "'other' is not known: Unscored" in assumptions_of(report)[-1]


@pytest.mark.parametrize('kind', ['ScoredSelfAttention', None])
def test_energy_report(kind: str | None) -> None:
    cfg = reduced_config(str(config_root() / DEMO))
    if kind is not None:
        cfg.model.backbone.attn_cfg = dict(type=kind)
    else:
        cfg.model = dict(
            type='EncoderDecoder',
            backbone=dict(type='mmseg.FastSCNN', out_indices=(0, 1, 2)),
            decode_head=dict(
                type='mmseg.FCNHead', in_channels=128, channels=8, num_classes=4, in_index=2
            ),
        )
    model = build_model(cfg).eval()
    report = energy_report(model, [torch.randn(2, 3, *IMAGE_SIZE)])
    found = report['attention_memory']
    assert json.loads(json.dumps(found)) == found
    said = ' '.join(report['assumptions'])
    if kind is None:
        assert found == dict(modules=[], largest={}, sum={}, refused={})
        assert 'Memory of the attentions' not in said
        return
    assert found['modules']
    for row in found['modules']:
        # One image and one time step, at the sixteenth of the size.
        assert (row['height'], row['width']) == (IMAGE_SIZE[0] // 16, IMAGE_SIZE[1] // 16)
        memory = model.get_submodule(row['name']).attention_memory(row['height'], row['width'])
        assert row['bytes'] == bytes_of(memory)
    assert 'Memory of the attentions' in said and '49' not in said
