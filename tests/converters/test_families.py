"""Families of official checkpoints: which keys they recognise, and one from outside."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from golden import Golden, goldens
from official_states import OFFICIAL, official_state
from torch import Tensor

from spikedense.converters import (
    BACKBONE,
    Family,
    convert_state_dict,
    known_families,
    recognised_families,
    register_family,
)
from spikedense.errors import UserError
from spikedense.models.backbones import SDTV3
from spikedense.weights import check

SMALL = dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1, 1), num_heads=2)
SDT = 'Spike-driven Transformer'


@pytest.fixture
def own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of families as it is now, afterwards as it was before."""
    monkeypatch.setattr('spikedense.converters.convert._FAMILIES', list(known_families()))


@pytest.mark.parametrize(
    ('name', 'families'),
    [
        ('Semantic FPN', [SDT, 'Semantic FPN']),
        ('Semantic FPN, LIF', [SDT, 'Semantic FPN']),
        ('Spike2Former', [SDT, 'Spike2Former']),
        ('Mask R-CNN', [SDT, 'Semantic FPN', 'spiking detector']),
        ('classifier', [SDT]),
        ('large classifier', [f'{SDT} V3, large']),
        ('masked auto-encoder', [f'{SDT} V3, large', 'its masked auto-encoder']),
        ('SpikingResformer classifier', ['SpikingResformer']),
    ],
)
def test_official_keys_are_recognised(reference_dir: Path, name: str, families: list[str]) -> None:
    state = official_state(name, reference_dir)
    assert [family.name for family in recognised_families(state)] == families
    # Without the backbone too, and behind a prefix.
    rest = {f'teacher.{key}': v for key, v in state.items() if 'backbone' not in key}
    if any('backbone' in key for key in state):
        assert [family.name for family in recognised_families(rest)] == families[1:]


@pytest.mark.parametrize('name', OFFICIAL)
def test_converted_keys_are_not_recognised(reference_dir: Path, name: str) -> None:
    report = convert_state_dict(official_state(name, reference_dir))
    assert report.unexpected == []
    assert report.state_dict
    assert recognised_families(report.state_dict) == []


#: The official classifiers and auto-encoders of all sizes, as lists of keys.
LISTS = [golden for golden in goldens() if golden.name.endswith('.statedict')]


@pytest.mark.skipif(not LISTS, reason='no lists of keys: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('golden', LISTS, ids=lambda golden: golden.name)
def test_official_files(golden: Golden) -> None:
    """Whole, and the backbone alone: of the whole file, of the backbone, inside of a segmentor."""
    official = golden.empty_state()
    family = recognised_families(official)[0]
    whole = convert_state_dict(official)
    assert whole.families[0] == family.name and whole.unexpected == []
    assert recognised_families(whole.state_dict) == []
    unused = [key for key in official if family.drops(key)]
    assert bool(unused) == (family.dropped is not None)
    if 'mae' not in golden.name:
        heads = {new for key, new in whole.names.items() if family.is_head(key)}
        assert heads and heads == {new for new in whole.state_dict if not new.startswith(BACKBONE)}
        assert whole.dropped == unused

    expected = {
        new.removeprefix(BACKBONE): value.shape
        for new, value in whole.state_dict.items()
        if new.startswith(BACKBONE)
    }
    bare = {
        key: value
        for key, value in official.items()
        if family.drops(key) or (family.convert_key(key) or '').startswith(BACKBONE)
    }
    inside = {f'{BACKBONE}{key}': value for key, value in bare.items()}
    inside['decode_head.of_a_library.weight'] = torch.zeros(1)
    for state in (official, bare, inside):
        report = convert_state_dict(state, part='backbone')
        assert {new: value.shape for new, value in report.state_dict.items()} == expected
        assert report.unexpected == []
        assert {*report.dropped, *report.names} == set(state)


@pytest.mark.parametrize(
    'key',
    [
        'neck.lateral_convs.0.conv.weight',  # mmseg's and mmdet's FPN
        'neck.fpn_convs.0.conv.weight',
        'decode_head.scale_heads.0.0.conv.weight',
        'decode_head.pixel_decoder.encoder_in_proj.weight',  # mmdet's MaskFormer
        'panoptic_head.pixel_decoder.encoder_in_proj.weight',
        'panoptic_head.mask_embed.0.weight',
        'decode_head.pixel_decoder.lateral_convs.0.conv.weight',
        'rpn_head.rpn_conv.0.conv.weight',
        'rpn_head.rpn_cls.weight',
        'roi_head.bbox_head.shared_fcs.0.weight',
        'roi_head.mask_head.convs.0.conv.weight',
        'bbox_head.cls_convs.0.0.conv.weight',  # RetinaSepBNHead
        'bbox_head.retina_cls.weight',
        'head.weight',
        'backbone.layer1.0.conv1.weight',
    ],
)
def test_keys_of_other_libraries_are_not_recognised(key: str) -> None:
    assert recognised_families({key: torch.zeros(1)}) == []


def toy_state() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of a backbone, by the keys of the toy and by ours."""
    ours = SDTV3(SMALL).state_dict()
    return {f'toy.{key.replace("stages", "encoder")}': value for key, value in ours.items()}, ours


@pytest.fixture
def convert(repo_root: Path) -> ModuleType:
    """The command line."""
    path = repo_root / 'tools/model_converters/official_to_spikedense.py'
    spec = importlib.util.spec_from_file_location('official_to_spikedense', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures('own_table')
def test_family_from_outside(
    tmp_path: Path, repo_root: Path, convert: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module of docs/add_a_model.md, word for word."""
    page = (repo_root / 'docs' / 'add_a_model.md').read_text(encoding='utf-8')
    (block,) = re.findall(r'```python\n# toy_family\.py\n(.*?)```', page, re.DOTALL)
    (tmp_path / 'toy_family.py').write_text(block)
    # Another test may have imported it, and a module is run once.
    monkeypatch.delitem(sys.modules, 'toy_family', raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = tmp_path / 'cfg.py'
    config.write_text(
        "default_scope = 'mmseg'\n"
        "custom_imports = dict(imports=['toy_family'])\n"
        f"model = dict(backbone=dict(type='spikedense.SDTV3', arch={SMALL}))\n"
    )
    official, ours = toy_state()
    torch.save(official, tmp_path / 'toy.pth')
    words = [str(tmp_path / 'toy.pth'), str(tmp_path / 'ours.pth'), '--config', str(config)]
    convert.main([*words, '--part', 'backbone'])
    written = torch.load(tmp_path / 'ours.pth')['state_dict']
    assert written.keys() == ours.keys()
    assert all(torch.equal(written[key], ours[key]) for key in ours)

    # The config has registered the family: init_cfg takes the official file itself, in a whole
    # model too, and who loads it elsewhere is told what to do.
    torch.save({f'backbone.{key}': v for key, v in official.items()}, tmp_path / 'whole.pth')
    for name in ('toy', 'whole'):
        init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / f'{name}.pth'))
        model = SDTV3(SMALL, init_cfg=init_cfg)
        model.init_weights()
        assert all(torch.equal(value, ours[key]) for key, value in model.state_dict().items())
    with pytest.raises(UserError, match=r'official keys \(Toy\), .*spikedense convert'):
        check(SDTV3(SMALL), official, 'toy.pth')


@pytest.mark.usefixtures('own_table')
def test_family_from_outside_comes_first_and_once() -> None:
    key = 'block3.0.mlp.fc1_conv.weight'
    own = Family('own', lambda keys: key in keys, lambda key: f'mine.{key}')
    assert register_family(own) is own
    assert convert_state_dict({key: torch.zeros(2, 2, 1)}).names == {key: f'mine.{key}'}
    # Its rules come after those of families that recognise the file.
    other = ['downsample1_1.encode_conv.weight', 'head.weight', 'other']
    assert list(convert_state_dict(dict.fromkeys(other, torch.zeros(1))).state_dict) == [
        'backbone.stages.0.downsample.conv.weight',
        'head.fc.weight',
        'mine.other',
    ]
    with pytest.raises(ValueError, match="family 'own' is registered already"):
        register_family(own)
