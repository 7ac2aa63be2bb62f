"""The query decoder: order of products, independence of queries, masks."""

import torch
from torch import Tensor, nn

from spikedense.models.layers import ChannelMLP, SpikeMultiheadAttention
from spikedense.models.transformer_decoders import SpikeDecoderLayer, SpikeTransformerDecoder
from spikedense.models.transformer_decoders.spike_decoder import LegacyQueryMLP

CFG = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
C, Q = 16, 6


def awake(module: nn.Module) -> nn.Module:
    module = module.double().eval()
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            nn.init.uniform_(child.weight, 1, 2)
            nn.init.uniform_(child.bias, 0, 2)
    return module


def queries(T: int = 1) -> Tensor:
    return torch.randn(T, 2, C, 1, Q, dtype=torch.float64) * 2


def memory(T: int = 1) -> Tensor:
    return torch.randn(T, 2, C, 4, 5, dtype=torch.float64) * 2


def changed_queries(module: nn.Module) -> list[int]:
    """Which queries a module answers differently when query 2 alone changes."""
    x = queries()
    y = x.clone()
    y[..., 2] += 1.5
    with torch.no_grad():
        difference = (module(x) - module(y)).abs().amax((0, 1, 2, 3))
    return difference.nonzero().flatten().tolist()


def test_mlp_treats_each_query_by_itself() -> None:
    assert changed_queries(awake(ChannelMLP(C, 2, **CFG))) == [2]
    assert len(changed_queries(awake(LegacyQueryMLP(C, 2, **CFG)))) > 1


def test_both_orders_are_one_function() -> None:
    linear = awake(SpikeMultiheadAttention(C, 4, 'linear', **CFG))
    quadratic = awake(SpikeMultiheadAttention(C, 4, 'quadratic', **CFG))
    quadratic.load_state_dict(linear.state_dict())
    q, k = queries(2), memory(2)
    out = linear(q, k, k)
    assert out.std() > 0
    torch.testing.assert_close(out, quadratic(q, k, k))


def test_mask_hides_tokens() -> None:
    module = awake(SpikeMultiheadAttention(C, 4, **CFG))
    q, k = queries(), memory()
    mask = torch.zeros(2, 1, 20, Q, dtype=torch.bool)
    mask[:, :, :10] = True  # the first two of four rows
    torch.testing.assert_close(
        module(q, k, k, mask), module(q, k[..., :2, :], k[..., :2, :]), msg='hidden tokens count'
    )
    everything = torch.ones_like(mask)
    torch.testing.assert_close(module(q, k, k, everything), module(q, k, k))


def test_cross_attention_may_have_its_own_neuron() -> None:
    raw = dict(CFG, neuron_cfg=dict(type='ILIF', D=4))
    layer = SpikeDecoderLayer(C, 4, 2, cross_attn_cfg=dict(neuron_cfg=CFG['neuron_cfg']), **raw)
    assert layer.cross_attn.q_neuron.norm == 4
    assert layer.self_attn.q_neuron.norm == 1


def test_memories_are_read_in_turn() -> None:
    module = awake(SpikeTransformerDecoder(C, 4, num_heads=4, mlp_ratio=2, **CFG))
    memories = [memory(2), torch.randn(2, 2, C, 8, 10, dtype=torch.float64), memory(2)]
    seen = []
    for layer in module.layers:
        layer.cross_attn.register_forward_hook(lambda _, args, __: seen.append(args[1].shape))
    states = module(queries(2), queries()[0, 0], memories, [0.0] * 3)
    assert [s[-2:] for s in seen] == [(4, 5), (8, 10), (4, 5), (4, 5)]
    assert len(states) == 5
    assert {tuple(s.shape) for s in states} == {(2, 2, C, 1, Q)}
