"""Publishing of weights."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spikedense.apis.publish import publish
from spikedense.errors import UserError
from spikedense.utils.config_text import read_config_text
from spikedense.weights import read_checkpoint, read_state_dict

CFG = (
    "data_root = '/author/data'\n"
    "model = dict(type='EncoderDecoder', pretrained='/author/a.pth', backbone=dict("
    "neuron_cfg=dict(type='spikedense.NILIF', D=4), init_cfg=dict(checkpoint='/author/a.pth')), "
    "decode_head=dict(neuron_cfg=dict(type='spikedense.NILIF', D=4), file='/author/b'))\n"
    "work_dir = '/author/work'\n"
)


def saved(path: Path, state: dict[str, Any] | None = None, **meta: Any) -> str:
    state = {'a.weight': torch.arange(4.0), 'a.seen': torch.tensor(3)} if state is None else state
    given = {
        'cfg': CFG,
        'experiment_name': 'fpn_20261127_120000',
        'dataset_meta': {'classes': ('road', 'car'), 'palette': np.zeros((2, 3), int)},
        'settings': {'neurons': {'a': 'NILIF(D=4)'}, 'steps': {'backbone': 1}},
        'hook_msgs': {'last_ckpt': '/author/work/iter_1.pth'},
    }
    content = {'meta': {**given, **meta}, 'state_dict': state, 'optimizer': {'lr': 1}}
    torch.save(content, path)
    return str(path)


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_weights_and_facts_alone_are_published(tmp_path: Path, suffix: str) -> None:
    origin = {'file': 'official.pth', 'sha256': '0' * 64, 'family': 'Toy'}
    source = saved(tmp_path / 'iter_1.pth', converted_from=origin)
    found = publish(source, tmp_path / f'fpn{suffix}')
    assert found.sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()
    assert found.path.name == f'fpn-{found.sha256[:8]}{suffix}'
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [found.path.name, 'iter_1.pth']
    )
    content = read_checkpoint(found.path)
    state = read_state_dict(content)
    assert {key: value.tolist() for key, value in state.items()} == {
        'a.weight': [0, 1, 2, 3],
        'a.seen': 3,
    }
    meta = content['meta']
    assert meta['converted_from'] == origin
    assert meta['config_name'] == 'fpn' and list(meta['dataset_meta']['classes']) == ['road', 'car']
    assert meta['neurons'] == [{'type': 'spikedense.NILIF', 'D': 4}]
    assert meta['settings'] == {'neurons': {'a': 'NILIF(D=4)'}, 'steps': {'backbone': 1}}
    model = read_config_text(meta['cfg_text'])['model']
    assert model['backbone'] == {'neuron_cfg': {'type': 'spikedense.NILIF', 'D': 4}}
    assert (
        b'/author' not in found.path.read_bytes()
        and str(tmp_path).encode() not in found.path.read_bytes()
    )
    if suffix == '.pth':
        torch.load(found.path, weights_only=True)
    # The same content gives the same file, and a published file can be published again.
    assert publish(str(found.path), tmp_path / f'fpn{suffix}').path == found.path


@pytest.mark.parametrize(
    ('state', 'message'),
    [
        ({}, 'holds no weights'),
        ({'a': torch.tensor([1.0, float('nan')])}, r'not finite: 1 of 1 tensors \(a\)'),
        ({'a': torch.tensor(float('-inf')), 'b': torch.ones(1)}, r'not finite: 1 of 2'),
        ({'a._extra_state': 'text'}, 'more than tensors'),
    ],
)
def test_weights_that_are_not_published(
    tmp_path: Path, state: dict[str, Tensor], message: str
) -> None:
    source = saved(tmp_path / 'iter_1.pth', state)
    with pytest.raises(UserError, match=message):
        publish(source, tmp_path / 'fpn.safetensors')
    assert len(list(tmp_path.iterdir())) == 1


def test_names_that_are_refused(tmp_path: Path) -> None:
    source = saved(tmp_path / 'iter_1.pth')
    for target, message in (
        ('fpn.bin', r'ends in \.safetensors or \.pth'),
        ('gone/fpn.pth', 'folder that exists'),
        ('iter_1.pth', 'is an input'),
    ):
        with pytest.raises(UserError, match=message):
            publish(source, tmp_path / target)
    with pytest.raises(UserError, match='there is no checkpoint'):
        publish(str(tmp_path / 'gone.pth'), tmp_path / 'fpn.pth')
