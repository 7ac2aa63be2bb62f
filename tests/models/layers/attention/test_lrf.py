"""LRF-SSA and its local term."""

import copy
from typing import Any

import pytest
import torch
from contract import wake
from torch import Tensor

from spikedense.deploy import fold
from spikedense.models.backbones import SDTV2, SDTV3
from spikedense.models.layers import LRFSelfAttention, SpikeSelfAttention, build_mixer
from spikedense.models.layers.attention import LRF

BN = dict(type='BN')
CFG: dict[str, Any] = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=BN)
#: Parameters of SDTV3 without a head, and with the local term, in millions (published).
PUBLISHED = {'5M': (5.11, 5.24), '19M': (18.99, 19.25)}
#: Channels of all values: 6 blocks of stage 3 and 2 of stage 4, four times as wide.
VALUES = {'5M': 4 * (6 * 128 + 2 * 192), '19M': 4 * (6 * 256 + 2 * 360)}
HEAD = {'5M': 1000 * (192 + 1), '19M': 1000 * (360 + 1)}


def maps(channels: int, size: tuple[int, int] = (5, 6), steps: int = 1) -> Tensor:
    return 2 * torch.randn(steps, 2, channels, *size, dtype=torch.float64)


def number(module: Any) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize('arch', PUBLISHED)
def test_parameters_are_those_of_the_publication(arch: str) -> None:
    plain = number(SDTV3(arch))
    for preset, each in (('counts', 29), ('text', 18)):
        cfg = dict(type='LRFSelfAttention', lrf=dict(preset=preset))
        assert number(SDTV3(arch, attn_cfg=cfg)) - plain == each * VALUES[arch]
    without, with_term = PUBLISHED[arch]
    total = plain + HEAD[arch]
    assert total / 1e6 == pytest.approx(without, abs=0.006)
    assert (total + 29 * VALUES[arch]) / 1e6 == pytest.approx(with_term, abs=0.006)


@pytest.mark.parametrize('lrf', [None, dict(init='zero'), dict(preset='text', init='zero')])
@pytest.mark.parametrize('training', [False, True])
def test_without_a_local_term_it_is_self_attention(lrf: Any, training: bool) -> None:
    attn = LRFSelfAttention(16, 4, lrf=lrf, value_ratio=2, scale=6.0, **CFG).double()
    attn.init_weights()
    plain = SpikeSelfAttention(16, 4, value_ratio=2, scale=6.0, **CFG).double()
    plain.load_state_dict(attn.state_dict(), strict=False)
    x = maps(16)
    found, expected = attn.train(training)(x), plain.train(training)(x)
    if lrf is None:
        assert torch.equal(found, expected)
    # Another memory format behind the sum of product and zeros has another order of sums.
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    attn.train()(x).pow(3).sum().backward()
    if lrf is not None:
        assert attn.local is not None
        learned = attn.local.convs[0].weight if attn.local.norm is None else attn.local.norm.weight
        assert learned.grad is not None and learned.grad.any(), 'it can leave zero'


def test_equals_the_terms_written_out() -> None:
    lrf = dict(dilations=(2,), norm=False)
    attn = LRFSelfAttention(8, 2, lrf=lrf, scale=0.3, **CFG).double().eval()
    x = maps(8, (4, 5))
    s = attn.neuron(x)
    q, k, v = (getattr(attn, f'{n}_neuron')(getattr(attn, f'{n}_conv')(s))[0] for n in 'qkv')
    kernel = attn.local.convs[0].weight  # type: ignore[union-attr, index]
    out = torch.zeros_like(v)
    for i in range(4):
        for j in range(5):
            for a in (-1, 0, 1):
                for b in (-1, 0, 1):
                    y, z = i + 2 * a, j + 2 * b
                    if 0 <= y < 4 and 0 <= z < 5:
                        out[:, :, i, j] += kernel[:, 0, a + 1, b + 1] * v[:, :, y, z]
    for h in (slice(0, 4), slice(4, 8)):
        scores = q[:, h].flatten(2).mT @ k[:, h].flatten(2)  # [B, N, N]
        out[:, h] += 0.3 * (v[:, h].flatten(2) @ scores.mT).unflatten(2, (4, 5))
    torch.testing.assert_close(attn(x), attn.out_proj(out[None]))


def test_convex_fusion_and_scales() -> None:
    torch.manual_seed(0)
    x = maps(8)
    for norm in (False, True):
        lrf = dict(dilations=(1, 3), norm=norm)
        attn = LRFSelfAttention(8, 2, lrf=lrf, fusion='convex', scale=0.3, **CFG).double().eval()
        v = attn.v_neuron(attn.v_conv(attn.neuron(x)))  # type: ignore[operator]
        product = torch.randn_like(v)
        local: Any = attn.local
        assert torch.sigmoid(attn.theta).item() == 0.5  # type: ignore[arg-type]
        torch.testing.assert_close(attn._fused(product, v), 0.5 * product + 0.5 * local(v))
        inside = LRFSelfAttention(8, 2, lrf=lrf, lrf_scale='inside', scale=0.3, **CFG).double()
        inside.load_state_dict(attn.state_dict(), strict=False)
        expected = local.norm(0.3 * local._sum(v[0]))[None] if norm else 0.3 * local(v)
        torch.testing.assert_close(inside.eval().local(v), expected)  # type: ignore[misc]


@pytest.mark.parametrize('preset', ['counts', 'text'])
@pytest.mark.parametrize('gain', [1.0, 0.3])
def test_the_local_term_becomes_one_kernel(preset: str, gain: float) -> None:
    local = LRF.from_settings(6, BN, preset, gain=gain).double()
    x = torch.randint(0, 5, (1, 2, 6, 7, 8)).double()
    wake(local, x)
    y = local(x)
    assert y.std() > 0
    whole = local.kernel()
    for separable in (False, True):
        fold(local, separable=separable)
        torch.testing.assert_close(local(x), y)
        torch.testing.assert_close(local.kernel(), whole)
        assert local.norm is None
        assert len(local.convs) == (1 if separable else len(local.convs))
    (conv,) = local.convs
    assert tuple(conv.weight.shape) == (6, 1, 11, 11)  # type: ignore[union-attr]
    taps = dict(counts=25, text=17)[preset]
    assert (conv.weight != 0).sum() == 6 * taps  # type: ignore[union-attr]


def test_one_kernel_without_a_norm_takes_the_scale() -> None:
    lrf = dict(dilations=[3], norm=False)
    attn = LRFSelfAttention(8, 2, lrf=lrf, lrf_scale='inside', scale=0.3, **CFG).double()
    x = maps(8)
    wake(attn, x)
    y = attn(x)
    assert [f for f in fold(attn) if f.reason is not None] == []
    assert attn.product.scale == attn.local.gain == 1  # type: ignore[union-attr]
    torch.testing.assert_close(attn(x), y)


def test_training_is_eval_but_for_the_norm() -> None:
    local = LRF(6, norm_cfg=None).double()
    x = torch.randn(2, 2, 6, 5, 4, dtype=torch.float64)
    expected = sum(conv(x.flatten(0, 1)) for conv in local.convs).unflatten(0, (2, 2))
    for mode in (True, False):
        torch.testing.assert_close(local.train(mode)(x), expected)
        with torch.no_grad():
            torch.testing.assert_close(local(x), expected)


@pytest.mark.parametrize('gain', [1.0, 0.3])
def test_prediction_is_evaluation(gain: float) -> None:
    local = LRF(6, norm_cfg=BN, gain=gain).double()
    x = torch.randn(2, 2, 6, 5, 4, dtype=torch.float64)
    wake(local, x)
    expected = local(x)
    with torch.no_grad():
        torch.testing.assert_close(local(x), expected)
        seen: list[Any] = []
        hook = local.convs[1].register_forward_hook(lambda *args: seen.append(args))
        torch.testing.assert_close(local(x), expected)
        hook.remove()
    assert len(seen) == 1, 'what is watched is called'


def test_scores_are_the_weights_of_the_values() -> None:
    attn = LRFSelfAttention(8, 2, value_ratio=2, scale=0.3, **CFG).double()
    x = maps(8, (4, 5), steps=2)
    wake(attn, x)
    scores = attn.token_scores(x)
    whole = scores(slice(0, 20))
    assert whole.shape == (4, 2, 20, 20) and whole.min() >= 0
    torch.testing.assert_close(scores(slice(7, 9)), whole[:, :, 7:9])
    local = whole - SpikeSelfAttention.token_scores(attn, x)(slice(0, 20))
    kernel = attn.local.kernel().abs().view(2, 8, 11, 11).mean(1)  # type: ignore[union-attr]
    torch.testing.assert_close(local[0, :, 0, 5], kernel[:, 6, 5])  # one row down
    torch.testing.assert_close(local[0, :, 6, 3], kernel[:, 4, 7])  # a row up, two to the right


def test_memory_has_the_rows_of_the_local_term() -> None:
    plain = SpikeSelfAttention(16, 4, value_ratio=2, **CFG).attention_memory(7, 9)
    for preset, reach in (('counts', 5), ('text', 5)):
        attn = LRFSelfAttention(16, 4, value_ratio=2, lrf=dict(preset=preset), **CFG)
        found = attn.attention_memory(7, 9)
        assert found.buffer == (2 * reach * 9 + 2 * reach + 1) * 32 * 3
        assert (found.state, found.queries) == (plain.state, plain.queries)
    assert LRFSelfAttention(16, 4, lrf=None, **CFG).attention_memory(7, 9).buffer == 0


@pytest.mark.parametrize(
    'cfg', [dict(type='LRFSelfAttention'), dict(type='LRFDynamicAttention', scan='bidirectional')]
)
def test_steps_of_lif_with_rep_convs(cfg: dict[str, Any]) -> None:
    arch = dict(embed_dims=[8, 16, 16, 16], depths=[0, 0, 0, 1, 1], num_heads=4)
    net = SDTV2(arch, T=2, attn_cfg=cfg).double()
    images = torch.randn(2, 3, 32, 48, dtype=torch.float64)
    wake(net, images)
    attentions = [m for m in net.modules() if isinstance(m, LRFSelfAttention)]
    assert len(attentions) == 2
    assert {m.product.scale for m in attentions} == {0.125}
    assert {m.out_proj.neuron.v_threshold for m in attentions} == {0.5}
    folded = copy.deepcopy(net)
    assert [f for f in fold(folded, steps=2) if f.reason is not None] == []
    for found, expected in zip(folded(images), net(images), strict=True):
        torch.testing.assert_close(found, expected)
    sum(out.square().sum() for out in net.train()(images)).backward()  # type: ignore[union-attr]
    assert all(m.local.convs[0].weight.grad is not None for m in attentions)  # type: ignore


@pytest.mark.parametrize(
    ('kwargs', 'said'),
    [
        (dict(fusion='mean'), "fusion='mean', expected one of"),
        (dict(lrf_scale='both'), "lrf_scale='both', expected one of"),
        (dict(lrf=None, fusion='convex'), "fusion='convex' beside lrf=None"),
        (dict(lrf=dict(init='zero'), fusion='convex'), "init='zero' beside fusion='convex'"),
        (dict(lrf=dict(preset='paper')), "preset='paper', expected one of"),
        (dict(lrf=dict(kernel=3)), "there is no 'kernel', expected preset"),
        (dict(lrf=dict(norm='bn')), "norm='bn', expected True or False"),
        (dict(lrf=dict(init='ones')), "init='ones', expected one of"),
        (dict(lrf=dict(dilations=(0,))), r'dilations=\(0,\), expected a list of integers'),
        (dict(lrf='counts'), "lrf='counts', expected None or a dict such as"),
        (dict(lrf=5, fusion='convex'), 'lrf=5, expected None or a dict such as'),
        (dict(lrf=dict(dilations=3)), 'dilations=3, expected a list of integers'),
        (dict(lrf=dict(preset=['counts'])), "preset=\\['counts'\\], expected one of"),
        (dict(lrf=dict(gain=3)), "there is no 'gain', expected preset"),
        (dict(lrf=None, lrf_scale='inside'), "lrf_scale='inside' beside lrf=None"),
        (dict(scale='a'), "scale='a', expected a number above 0"),
    ],
)
def test_wrong_settings_are_told(kwargs: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LRFSelfAttention(16, 4, **CFG, **kwargs)


@pytest.mark.parametrize('kind', ['LRFSelfAttention', 'LRFDynamicAttention'])
@pytest.mark.parametrize('fusion', ['add', 'convex'])
def test_mixed_precision(kind: str, fusion: str) -> None:
    attn = build_mixer(dict(type=kind, fusion=fusion), 16, num_heads=4, **CFG)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        y = attn(maps(16).float())
    y.float().square().mean().backward()
    assert all(p.grad is not None for p in attn.parameters())
