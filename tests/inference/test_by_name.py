"""Models by name with weights: shipped, from a folder, official, and none."""

import re
from pathlib import Path

import pytest
import torch
from golden import Golden
from official_states import OFFICIAL
from torch import nn

import spikedense
from spikedense import inference
from spikedense.checks.config import open_config
from spikedense.errors import UserError
from spikedense.inference.model import with_our_keys
from spikedense.weights import Checkpoint, read_checkpoint, read_state_dict

DEMO = 'spike2former_sdtv3-demo_1xb8-680i_demo-128x128'
CLASSIFIER = 'classifier_sdtv3-5m_8xb256-200e_imagenet-224x224'


def equal(model: nn.Module, state: dict) -> bool:
    own = model.state_dict()
    return all(torch.equal(own[key], value.to(own[key].dtype)) for key, value in state.items())


def test_the_shipped_one() -> None:
    model = spikedense.get_model('spikedense/demo', pretrained=True, device='cpu')
    assert (
        not model.training and len(model.dataset_meta['classes']) == model.decode_head.num_classes
    )
    path = inference.SegInferencer(f'spikedense/{DEMO}', device='cpu').weights
    assert equal(model, read_state_dict(read_checkpoint(path)))
    assert not equal(spikedense.get_model(DEMO), read_state_dict(read_checkpoint(path)))
    assert 'demo' in spikedense.list_models()


def test_an_official_classifier_in_the_folder(
    reference_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Golden(reference_dir / 'sdtv3_cls_5M.statedict.json').keys
    official = {key: torch.full(shape, 0.25) for key, shape in keys.items()}
    torch.save({'model_ema': {f'module.{k}': v for k, v in official.items()}}, tmp_path / 'a.pth')
    monkeypatch.setenv('SPIKEDENSE_WEIGHTS', str(tmp_path))
    with pytest.raises(UserError, match=rf"no weights of the model '{CLASSIFIER}' are published"):
        spikedense.get_model(CLASSIFIER, pretrained=True)
    (tmp_path / 'a.pth').rename(tmp_path / f'{CLASSIFIER}-official.pth')
    model = spikedense.get_model(f'spikedense/{CLASSIFIER}', pretrained=True)
    assert equal(model, {key: torch.full_like(v, 0.25) for key, v in model.state_dict().items()})
    assert model._config.filename.endswith(f'{CLASSIFIER}.py')
    assert len(model._dataset_meta['classes']) == 1000


def test_an_official_spike2former_changes_the_config(reference_dir: Path) -> None:
    state = {
        prefix + key: value
        for prefix, case in OFFICIAL['Spike2Former'].items()
        for key, value in Golden(reference_dir / f'{case}.json').empty_state().items()
    }
    cfg = open_config('spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512')
    found = with_our_keys(Checkpoint({'state_dict': state}, 'a.pth'), cfg)
    assert cfg.model.decode_head.legacy_layout is True
    assert 'decode_head.mask_embed.fc_out.weight' in found['state_dict']
    assert with_our_keys(found, cfg) is found


def test_a_file_that_is_named(tmp_path: Path) -> None:
    torch.save({'state_dict': {'decode_head.a': torch.zeros(1)}}, tmp_path / 'a.pth')
    with pytest.raises(UserError, match=r"no weight of the checkpoint '.*a\.pth' fits"):
        spikedense.get_model('demo', pretrained=tmp_path / 'a.pth')
    with pytest.raises(UserError, match=r"there is no checkpoint 'b\.pth'"):
        spikedense.get_model('demo', pretrained='b.pth')


def test_errors() -> None:
    with pytest.raises(UserError, match=re.escape(f'the nearest names are {DEMO}')):
        spikedense.get_model(f'spikedense/{DEMO}0')
    with pytest.raises(AttributeError, match='get_models'):
        spikedense.get_models  # noqa: B018
