"""Loading of checkpoints through ``init_cfg``, ours and official, strictly."""

import pytest
import torch
from contract import wake
from golden import Golden
from mmengine.model import PretrainedInit
from torch import nn

from spikedense.converters import BACKBONE, convert_state_dict
from spikedense.errors import UserError
from spikedense.models.backbones import SDTV2, SDTV3, pretrained
from spikedense.utils.files import sha256_of

SMALL = dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1, 1), num_heads=2)


def load(cls, path, prefix=None, **kwargs) -> nn.Module:
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    if prefix:
        init_cfg['prefix'] = prefix
    model = cls(init_cfg=init_cfg, **{'arch': SMALL, **kwargs})
    model.init_weights()
    return model


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.'])
@pytest.mark.parametrize('wrapper', [None, 'state_dict', 'model'])
def test_our_checkpoints(tmp_path, prefix, wrapper) -> None:
    source = SDTV3(SMALL)
    state = {prefix + k: v for k, v in source.state_dict().items()}
    state[f'{prefix.replace("backbone", "decode_head") or "head."}fc.weight'] = torch.zeros(1)
    torch.save({wrapper: state} if wrapper else state, tmp_path / 'a.pth')
    loaded = load(SDTV3, tmp_path / 'a.pth').state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in source.state_dict().items())


@pytest.mark.parametrize(
    ('case', 'cls', 'arch'),
    [('sdtv2_lif_cls_15M_kd_T2', SDTV2, '15M'), ('sdtv3_cls_5M', SDTV3, '5M')],
)
@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_official_checkpoints(tmp_path, reference_dir, case, cls, arch, prefix) -> None:
    golden = Golden(reference_dir / f'{case}.json')
    official = {
        k: v.float() if v.is_floating_point() else v for k, v in golden.official_state().items()
    }
    heads = ('head.', 'head_kd.')
    state = {k if k.startswith(heads) else prefix + k: v for k, v in official.items()}
    if prefix:  # of a detector, whose other parts no rule knows
        state |= {'rpn_head.rpn_conv.0.weight': torch.zeros(1), 'roi_head.fc.bias': torch.zeros(1)}
    torch.save({'model': state}, tmp_path / 'official.pth')
    model = load(cls, tmp_path / 'official.pth', arch=arch)
    key = 'stages.3.blocks.2.branches.mlp.widen.conv.weight'
    assert torch.equal(model.state_dict()[key][..., 0], official['block3.2.mlp.fc1_conv.weight'])


def small_classifier(reference_dir, ours) -> dict[str, torch.Tensor]:
    """The official file of a small classifier, with the weights of a backbone of ours."""
    golden = Golden(reference_dir / 'sdtv3_cls_5M.statedict.json')
    names = convert_state_dict(golden.empty_state(), part='backbone').names
    state = {
        key: ours[new].squeeze(-1) if len(golden.keys[key]) == 3 else ours[new]
        for key, new in names.items()
        if new in ours
    }
    assert len(state) == len(ours)
    return {**state, 'head.weight': torch.zeros(10, 32), 'head.bias': torch.zeros(10)}


@pytest.mark.parametrize('wrapper', [None, 'state_dict', 'model', 'model_ema'])
def test_an_official_classifier_in_any_wrapper(
    tmp_path, reference_dir, monkeypatch, wrapper
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pretrained, 'print_log', lambda text, **__: said.append(text))
    ours = SDTV3(SMALL).state_dict()
    state = {f'module.{k}': v for k, v in small_classifier(reference_dir, ours).items()}
    path = tmp_path / 'a.pth'
    torch.save({wrapper: state} if wrapper else state, path)
    for prefix in (None, BACKBONE):
        loaded = load(SDTV3, path, prefix=prefix).state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in ours.items())
    line = (
        f"SDTV3: weights loaded from official checkpoint '{path}' (Spike-driven Transformer; "
        f'sha256 {sha256_of(path)}): {len(ours)} keys converted, '
        '2 left out (head.weight, head.bias)'
    )
    assert said == [line, line]


def test_an_official_file_that_does_not_fit(tmp_path, reference_dir) -> None:
    wide = SDTV3(dict(SMALL, embed_dims=(8, 16, 24, 40))).state_dict()
    torch.save(small_classifier(reference_dir, wide), tmp_path / 'wide.pth')
    keys = Golden(reference_dir / 'spikformer_narrow_T4_B2.json').keys
    torch.save({key: torch.zeros(shape) for key, shape in keys.items()}, tmp_path / 'other.pth')
    for name, message in [
        ('wide', r'does not fit SDTV3 \(.* Spike-driven Transformer\), of another .* is \[40'),
        (
            'other',
            r"no weight of .*other\.pth' fits SDTV3 \(.* of Spikformer\): its keys are ",
        ),
    ]:
        with pytest.raises(UserError, match=message):
            load(SDTV3, tmp_path / f'{name}.pth')
    with pytest.raises(UserError, match=r"no key of .*other\.pth' starts with prefix='teacher'"):
        load(SDTV3, tmp_path / 'other.pth', prefix='teacher')


def test_pretrained_in_a_list_wins_over_other_initialisations(tmp_path) -> None:
    source = SDTV3(SMALL)
    state = {f'teacher.{k}': v for k, v in source.state_dict().items()}
    torch.save(state, tmp_path / 'a.pth')
    zeros = dict(type='Constant', layer='Conv2d', val=0.0)
    for kind in ('Pretrained', PretrainedInit):
        pretrained = dict(type=kind, checkpoint=str(tmp_path / 'a.pth'), prefix='teacher')
        for init_cfg in ([pretrained], [pretrained, zeros], [zeros, pretrained]):
            model = SDTV3(SMALL, init_cfg=init_cfg)
            model.init_weights()
            loaded = model.state_dict()
            assert all(torch.equal(loaded[k], v) for k, v in source.state_dict().items())


def test_other_initialisations_are_left_to_mmengine() -> None:
    model = SDTV3(SMALL, init_cfg=[dict(type='Constant', layer='Conv2d', val=0.5)])
    model.init_weights()
    assert (model.stages[0].downsample.conv.weight == 0.5).all()


def test_pretrained_without_a_file() -> None:
    with pytest.raises(ValueError, match='expected a checkpoint beside the type'):
        SDTV3(SMALL, init_cfg=[dict(type='Pretrained')]).init_weights()


def test_a_part_of_a_file_by_prefix(tmp_path) -> None:
    source = SDTV3(SMALL)
    state = {f'student.{k}': v for k, v in source.state_dict().items()}
    torch.save(state, tmp_path / 'a.pth')
    load(SDTV3, tmp_path / 'a.pth', prefix='student')
    with pytest.raises(UserError, match=r"no key of .*a\.pth' starts with prefix='teacher'"):
        load(SDTV3, tmp_path / 'a.pth', prefix='teacher')


def test_a_local_term_may_be_added_to_plain_weights(tmp_path, monkeypatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pretrained, 'print_log', lambda text, **__: said.append(text))
    plain = SDTV3(SMALL)
    torch.save(plain.state_dict(), tmp_path / 'plain.pth')
    attn_cfg = dict(type='LRFSelfAttention', lrf=dict(init='zero'))
    path = str(tmp_path / 'plain.pth')
    with pytest.raises(UserError, match='does not fit SDTV3, weights missing: 14 of'):
        load(SDTV3, path, attn_cfg=attn_cfg)
    init_cfg = dict(type='Pretrained', checkpoint=path, partial=True)
    model = SDTV3(SMALL, attn_cfg=attn_cfg, init_cfg=init_cfg)
    model.init_weights()
    assert len(said) == 2 and "plain.pth' fits in part, weights missing: 14 of" in said[0]
    images = torch.randn(2, 3, 32, 48)
    wake(plain, images)
    path = str(tmp_path / 'awake.pth')
    torch.save(plain.state_dict(), path)
    model.init_cfg['checkpoint'] = path
    model.init_weights()
    for found, expected in zip(model.eval()(images), plain.eval()(images), strict=True):
        assert expected.std() > 0
        assert torch.equal(found, expected)


def test_a_file_without_a_fitting_weight_is_no_part(tmp_path) -> None:
    torch.save({'epoch': 3}, tmp_path / 'empty.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'empty.pth'), partial=True)
    with pytest.raises(UserError, match='no weight of'):
        SDTV3(SMALL, init_cfg=init_cfg).init_weights()


def test_what_does_not_fit_is_told_and_nothing_is_loaded(tmp_path) -> None:
    state = SDTV3(SMALL).state_dict()
    lacking = {k: v for k, v in state.items() if 'stages.2' not in k}
    torch.save(lacking, tmp_path / 'lacking.pth')
    torch.save({**state, 'stages.9.a': torch.zeros(1)}, tmp_path / 'more.pth')
    torch.save(SDTV3(dict(SMALL, embed_dims=(8, 16, 24, 40))).state_dict(), tmp_path / 'wide.pth')
    torch.save({'epoch': 3}, tmp_path / 'empty.pth')
    for name, message in [
        ('lacking', r'does not fit SDTV3, weights missing: \d+ of \d+ \(stages.2.*and \d+ more'),
        ('more', r'does not fit SDTV3, keys unknown to the model: 1 \(stages.9.a\)'),
        ('wide', r'does not fit SDTV3, of another shape: .* is \[40.*\], expected \['),
        ('empty', r"no weight of .*empty\.pth' fits SDTV3: its state_dict is empty"),
    ]:
        with pytest.raises(UserError, match=message):
            load(SDTV3, tmp_path / f'{name}.pth')
