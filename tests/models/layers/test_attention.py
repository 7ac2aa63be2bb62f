"""Spike-driven self-attention."""

import pytest
import torch

from spikedense.models.layers import SpikeSelfAttention
from spikedense.models.layers.attention import attend

CFG = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))


@pytest.mark.parametrize('projection', ['conv', 'rep_conv'])
def test_both_orders_are_one_function(projection) -> None:
    attn = SpikeSelfAttention(16, 4, 0.3, value_ratio=2, projection=projection, **CFG).double()
    x = torch.randn(2, 3, 16, 5, 4, dtype=torch.float64)
    outs = []
    for order in ('linear', 'quadratic'):
        attn.product.order = order
        outs.append(attn.eval()(x))
    torch.testing.assert_close(*outs)


def test_equals_attention_written_out() -> None:
    attn = SpikeSelfAttention(8, 2, 0.3, **CFG).double().eval()
    x = 2 * torch.randn(1, 1, 8, 3, 2, dtype=torch.float64)
    s = attn.neuron(x)
    q, k, v = (
        getattr(attn, f'{n}_neuron')(getattr(attn, f'{n}_conv')(s))[0, 0].flatten(1) for n in 'qkv'
    )  # [C, N]
    heads = []
    for h in (slice(0, 4), slice(4, 8)):
        heads.append((q[h].T @ k[h]) @ v[h].T * 0.3)  # [N, C / heads]
    out = torch.cat(heads, 1).T.reshape(1, 1, 8, 3, 2)
    torch.testing.assert_close(attn(x), attn.out_proj(out))


def test_half_precision_counts_many_tokens() -> None:
    ones = torch.ones(1, 2, 4, 4096, dtype=torch.bfloat16)
    out = attend(ones, ones, ones, 1.0, 'linear')
    assert out.unique().tolist() == [4 * 4096]


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(projection='linear'), "projection='linear', expected one of"),
        (dict(order='cubic'), "order='cubic', expected one of"),
        (dict(num_heads=3), 'num_heads=3, expected a divisor of 16'),
    ],
)
def test_wrong_settings_are_told(kwargs, message) -> None:
    with pytest.raises(ValueError, match=message):
        SpikeSelfAttention(**{'channels': 16, 'num_heads': 4, 'scale': 1.0, **CFG, **kwargs})
