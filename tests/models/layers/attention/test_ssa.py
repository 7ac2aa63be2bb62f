"""Spiking self-attention of Spikformer."""

from typing import Any

import pytest
import torch
from contract import wake
from torch import Tensor

from spikedense.models.layers import SpikeSelfAttention, SpikformerSelfAttention

CHANNELS, HEADS = 8, 2
NORM = dict(type='BN')


def build(neuron_cfg: dict[str, Any], **kwargs: Any) -> SpikformerSelfAttention:
    """An attention, awake, in float64 and eval mode."""
    attn = SpikformerSelfAttention(CHANNELS, HEADS, neuron_cfg=neuron_cfg, norm_cfg=NORM, **kwargs)
    return wake(attn.double(), maps(4))  # type: ignore[return-value]


def maps(batch: int = 2) -> Tensor:
    return 2 * torch.randn(2, batch, CHANNELS, 3, 4, dtype=torch.float64)


@pytest.mark.parametrize('neuron_cfg', [dict(type='LIF'), dict(type='NILIF', D=4)])
@pytest.mark.parametrize('order', ['linear', 'quadratic'])
def test_equals_the_formula_written_out(neuron_cfg: dict[str, Any], order: str) -> None:
    attn, x = build(neuron_cfg, order=order), maps()
    s = attn.neuron(x)
    q, k, v = (
        getattr(attn, f'{name}_neuron')(getattr(attn, f'{name}_conv')(s)).flatten(3)
        for name in 'qkv'
    )  # [T, B, C, N]
    out, size = torch.zeros_like(q), CHANNELS // HEADS
    for n in range(q.size(3)):
        for j in range(q.size(3)):
            for h in range(HEADS):
                head = slice(h * size, (h + 1) * size)
                score = (q[:, :, head, n] * k[:, :, head, j]).sum(2, keepdim=True)
                out[:, :, head, n] += 0.125 * score * v[:, :, head, j]
    assert attn.out_proj.neuron(out).std() > 0
    torch.testing.assert_close(attn(x), attn.out_proj(out.reshape(x.shape)))


@pytest.mark.parametrize(
    ('neuron_cfg', 'threshold'),
    [
        (dict(type='LIF'), 0.5),
        (dict(type='spikedense.IF', v_threshold=3.0), 1.5),
        (dict(type='NILIF'), None),
    ],
)
def test_the_threshold_behind_the_product_is_half(
    neuron_cfg: dict[str, Any], threshold: float | None
) -> None:
    attn = build(neuron_cfg)
    assert attn.product.scale == 0.125
    assert getattr(attn.out_proj.neuron, 'v_threshold', None) == threshold
    own = build(neuron_cfg, attn_neuron_cfg=dict(type='LIF', v_threshold=0.7))
    assert own.out_proj.neuron.v_threshold == 0.7


def test_biases_are_those_of_the_published_models() -> None:
    def biases(**kwargs: Any) -> set[str]:
        named = build(dict(type='LIF'), **kwargs).named_parameters()
        return {name.partition('.')[0] for name, _ in named if name.endswith('conv.bias')}

    assert biases() == {'out_proj'}, 'ImageNet'
    assert biases(qkv_bias=True) == {'q_conv', 'k_conv', 'v_conv', 'out_proj'}, 'CIFAR-10'
    assert biases(proj_bias=False) == set()


@pytest.mark.parametrize('biased', ['qkv_bias', 'proj_bias'])
def test_a_rep_conv_has_no_bias(biased: str) -> None:
    with pytest.raises(ValueError, match="expected no bias with projection='rep_conv'"):
        SpikeSelfAttention(
            8,
            2,
            projection='rep_conv',
            neuron_cfg=dict(type='LIF'),
            norm_cfg=NORM,
            **{biased: True},
        )
