"""Dual spike self-attention against its formula, and its running firing rates."""

from typing import Any

import pytest
import torch
from contract import wake
from torch import Tensor

from spikedense.deploy import to_spike_inference
from spikedense.models.backbones import SpikingResformer
from spikedense.models.layers import DualSpikeSelfAttention, RunningRate, SpikePad, build_mixer
from spikedense.models.layers.attention import AttentionMemory

LIF = dict(type='LIF')
BN = dict(type='BN')
CFG: dict[str, Any] = dict(neuron_cfg=LIF, norm_cfg=BN)


def attention(patch_size: int = 2, neuron_cfg: dict[str, Any] = LIF) -> DualSpikeSelfAttention:
    """An attention of 8 channels and 2 heads in float64."""
    return DualSpikeSelfAttention(8, 2, patch_size, neuron_cfg=neuron_cfg, norm_cfg=BN).double()


def maps(height: int = 5, width: int = 6) -> Tensor:
    return 4 * torch.randn(3, 2, 8, height, width, dtype=torch.float64)


def test_the_formula_head_by_head() -> None:
    attn, x = wake(attention(), maps()), maps()
    s = attn.neuron(x)
    y = attn.reduce(torch.nn.functional.pad(s, (0, 0, 0, 1)))
    heads = []
    for j in range(2):
        y1, y2 = (
            y[:, :, 8 * j + first : 8 * j + first + 4].flatten(3) for first in (0, 4)
        )  # [T, B, 4, M]
        tokens = s[:, :, 4 * j : 4 * j + 4].flatten(3)
        rates = [r.rate[0, 0, j].item() for r in (attn.input_rate, attn.attn_rate)]
        scores = y1.transpose(-2, -1) @ tokens / (rates[0] * 4) ** 0.5
        spikes = attn.attn_neuron(scores)
        heads.append(y2 @ spikes / (rates[1] * 9) ** 0.5)
    assert min(rates) > 0
    expected = attn.out_proj(torch.cat(heads, 2).unflatten(3, (5, 6)))
    torch.testing.assert_close(attn(x), expected)


def test_rates_move_in_training_and_stay_otherwise() -> None:
    rate = RunningRate(2, momentum=0.9)
    assert torch.equal(rate.factor(), torch.ones(2, 1, 1)), 'not measured: as if of rate 1'
    spikes = torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 0]).reshape(1, 2, 4)
    rate.measure(spikes)
    # The first one is taken as it is.
    torch.testing.assert_close(rate.rate.flatten(), torch.tensor([0.5, 0.0]))
    rate.measure(torch.ones(3, 2, 4))
    torch.testing.assert_close(rate.rate.flatten(), torch.tensor([0.55, 1.0]))
    rate.eval().measure(torch.zeros(1, 2, 4))
    torch.testing.assert_close(rate.factor().flatten(), torch.tensor([0.55, 1.0]).rsqrt())


def test_integers_are_normalised_by_their_squares() -> None:
    rate = RunningRate(1)
    rate.measure(torch.tensor([0.0, 2, 0, 2]).reshape(1, 1, 4))
    assert rate.rate.item() == pytest.approx(2)


def test_a_silent_head_gives_no_infinity() -> None:
    attn = attention().train()
    with torch.no_grad():
        assert torch.isfinite(attn(torch.zeros_like(maps()))).all()
        assert torch.isfinite(attn.eval()(maps())).all()


def test_half_precision_is_finite() -> None:
    attn = attention().float()
    attn(maps().float())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.isfinite(attn.eval()(maps().float())).all()


@pytest.mark.parametrize('patch_size', [1, 2, 4])
def test_scores_are_spikes_spread_over_patches(patch_size: int) -> None:
    attn, x = wake(attention(patch_size), maps(8, 4)), maps(8, 4)
    tell = attn.token_scores(x)
    scores = tell(slice(None))
    assert scores.shape == (6, 2, 32, 32)
    torch.testing.assert_close(tell(slice(4, 9)), scores[:, :, 4:9])
    keys, _, tokens = attn._reduced(x)
    counts = attn._attention(keys, tokens, 3).sum(-2)
    assert counts.std() > 0
    torch.testing.assert_close(scores.sum(-1), counts)


def test_memory_counts_bits() -> None:
    expected = AttentionMemory(state=2 * 8 * 9 * 32, queries=8 * 30, tokens=8 * 30)
    assert attention().attention_memory(5, 6) == expected
    assert attention(neuron_cfg=dict(type='NILIF', D=4)).attention_memory(5, 6).queries == 3 * 240


def test_padding_is_at_the_right_and_at_the_bottom() -> None:
    x = torch.ones(1, 1, 1, 3, 4)
    padded = SpikePad(4)(x)
    assert padded.shape == (1, 1, 1, 4, 4)
    assert torch.equal(padded[..., :3, :], x) and padded[..., 3, :].sum() == 0
    assert SpikePad(1)(x) is x


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(patch_size=0), 'patch_size=0, expected an integer'),
        (dict(momentum=1.0), r'momentum=1\.0, expected a number'),
        (dict(num_heads=3), 'num_heads=3, expected a divisor of 8'),
    ],
)
def test_wrong_settings_are_told(kwargs: dict[str, Any], message: str) -> None:
    cfg = dict(type='DualSpikeSelfAttention', num_heads=2, **CFG)
    with pytest.raises(ValueError, match=message):
        build_mixer({**cfg, **kwargs}, 8)


def test_a_mixer_without_an_entry_neuron_reads_spikes() -> None:
    for kind in ('DualSpikeSelfAttention', 'GroupwiseFFN'):
        mixer = build_mixer(dict(type=kind, reads_spikes=True), 8, num_heads=2, **CFG)
        assert mixer(torch.randint(3, (2, 1, 8, 4, 4)).float()).shape == (2, 1, 8, 4, 4)


def test_groups_must_divide_the_hidden_channels() -> None:
    with pytest.raises(ValueError, match='group_size=5, expected a divisor of 32 hidden'):
        build_mixer(dict(type='GroupwiseFFN', group_size=5), 8, **CFG)
    assert build_mixer(dict(type='GroupwiseFFN'), 16, **CFG).mix.conv.groups == 1
    assert build_mixer(dict(type='GroupwiseFFN'), 32, **CFG).mix.conv.groups == 2


def test_the_twin_of_a_map_that_patches_do_not_divide() -> None:
    arch = dict(embed_dims=(8, 8, 16), depths=(1, 1, 1), num_heads=2)
    x = torch.randn(1, 3, 40, 56, dtype=torch.float64)
    for neuron_cfg, T in ((LIF, 2), (dict(type='NILIF', D=4), 1)):
        model = SpikingResformer(arch, T=T, neuron_cfg=neuron_cfg).double()
        wake(model, x)
        twin, foldings = to_spike_inference(model, x)
        assert all(f.reason is None for f in foldings)
        for a, b in zip(model(x), twin(x), strict=True):
            torch.testing.assert_close(a, b)
