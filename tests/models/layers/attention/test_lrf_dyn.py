"""LRF-Dyn: dynamics over the tokens."""

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from contract import wake
from onnx_spikes import WatchedNetwork
from spike_driven import assert_fires_as_told, run
from torch import Tensor

from spikedense.analysis.energy_report import energy_report
from spikedense.deploy import fold, to_spike_inference
from spikedense.deploy.nir_export import export_nir
from spikedense.deploy.onnx_export import export_onnx
from spikedense.models.backbones import SDTV3
from spikedense.models.layers import DynamicsProduct, LRFDynamicAttention, SpikeConv

CFG: dict[str, Any] = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
SCANS = ('raster', 'bidirectional', 'cross')


def maps(channels: int, size: tuple[int, int] = (5, 6), steps: int = 1) -> Tensor:
    return 2 * torch.randn(steps, 2, channels, *size, dtype=torch.float64)


def spikes(channels: int, size: tuple[int, int] = (5, 6)) -> Tensor:
    return torch.randint(0, 5, (2, channels, *size)).double() / 4


def drawn(**kwargs: Any) -> DynamicsProduct:
    """A product of 8 channels and 2 heads, with random parameters."""
    product = DynamicsProduct(**{'channels': 8, 'num_heads': 2, 'scale': 0.3, **kwargs}).double()
    for parameter in product.parameters():
        torch.nn.init.normal_(parameter)
    return product


@pytest.mark.parametrize('scan', SCANS)
@pytest.mark.parametrize('share', ['head', 'block', 'channel'])
@pytest.mark.parametrize('size', [(5, 6), (1, 1), (1, 9), (11, 13)])
def test_all_ways_are_one_function(scan: str, share: str, size: tuple[int, int]) -> None:
    product = drawn(scan=scan, share=share, impl='scan')
    q, k, v = spikes(4, size), spikes(4, size), spikes(8, size)
    expected = product(q, k, v)
    for impl in ('chunk', 'fft', 'parallel'):
        product.impl = impl
        torch.testing.assert_close(product(q, k, v), expected, rtol=1e-12, atol=1e-12)


def test_causal_linear_attention_is_a_special_case() -> None:
    product = drawn(num_dendrites=1, share='block')
    product.dynamics = lambda: product_of_ones  # type: ignore[method-assign]
    one = torch.ones(1, 1, dtype=torch.float64)
    product_of_ones = type(DynamicsProduct(8, 2, 1.0).dynamics())(one[..., None], one, one)
    q, k, v = (spikes(8) for _ in range(3))
    cumulative = (k * v).flatten(2).cumsum(2).view_as(q)
    torch.testing.assert_close(product(q, k, v), 0.3 * q * cumulative)


def test_keys_and_queries_are_repeated_in_each_head() -> None:
    product = drawn(scan='bidirectional')
    q, k, v = spikes(4), spikes(4), spikes(8)
    wide = [x.view(2, 2, 1, 2, 5, 6).expand(2, 2, 2, 2, 5, 6).reshape(2, 8, 5, 6) for x in (q, k)]
    assert torch.equal(product(q, k, v), product(*wide, v))


@pytest.mark.parametrize('scan', SCANS)
def test_what_a_token_reaches(scan: str) -> None:
    product = drawn(scan=scan)
    one = torch.ones(1, 8, 3, 4, dtype=torch.float64)
    v = torch.zeros_like(one)
    v[..., 1, 1] = 1
    reached = product(None, None, v)[0, 0] != 0
    places = torch.arange(12).view(3, 4)
    assert torch.equal(reached, places >= 5 if scan == 'raster' else places >= 0)


@pytest.mark.parametrize('scan', SCANS)
def test_the_token_itself_counts_once(scan: str) -> None:
    product = drawn(scan=scan)
    v = torch.zeros(1, 8, 3, 4, dtype=torch.float64)
    v[..., 1, 2] = 1
    dynamics = product.dynamics()
    weight = 0.3 * (dynamics.gain * dynamics.readout).sum(1).repeat_interleave(4)
    torch.testing.assert_close(product(None, None, v)[0, :, 1, 2], weight)


def test_gain_of_a_constant_at_the_start() -> None:
    product = DynamicsProduct(4, 2, 1.0, readout_init='mean').double()
    ones = torch.ones(1, 4, 1, 4000, dtype=torch.float64)
    assert product(None, None, ones)[0, :, 0, -1].tolist() == pytest.approx([1] * 4, abs=1e-5)
    tau = 1 + torch.nn.functional.softplus(product.raw_tau)
    assert tau[0, [0, -1]].tolist() == pytest.approx([2, 196], rel=1e-4)
    product = DynamicsProduct(4, 2, 1.0).double()
    found = product(None, None, ones)[0, 0, 0, -1].item()
    assert found == pytest.approx(tau[0].mean().item(), rel=1e-5), 'the mean memory'


@pytest.mark.parametrize('size', [8, 32])
def test_the_product_alone_makes_an_integer_neuron_fire(size: int) -> None:
    spikes = torch.randint(0, 5, (3, 1, 16, size, size)) / 4  # queries, keys, values
    product = DynamicsProduct(16, 4, scale=2 * 4**-0.5)
    assert 0.1 < (product(*spikes) > 0.5).double().mean() < 1
    product = DynamicsProduct(16, 4, scale=0.5, readout_init='mean')
    assert not (product(*spikes) > 0.5).any(), 'a mean stays below the rounding threshold'


def test_it_stays_stable_in_training() -> None:
    product = DynamicsProduct(8, 2, 1.0)
    for sign in (1, -1):
        for parameter in product.parameters():
            parameter.data += sign * 1e6 * torch.randn_like(parameter)
        decay = product.dynamics().decay.double()
        assert torch.linalg.eigvalsh(decay).abs().max() < 1


def test_a_stream_of_pieces_is_one_call() -> None:
    product = drawn()
    q, k, v = spikes(4), spikes(4), spikes(8)
    stream, pieces = product.stream(), []
    for part in (slice(0, 7), slice(7, 8), slice(8, 30)):
        pieces.append(stream(*(x.flatten(2)[..., part] for x in (q, k, v))))
        assert stream.state is not None and stream.state.shape == (2, 2, 4, 8)
    whole = product(q, k, v).flatten(2)
    assert (torch.cat(pieces, 2) - whole).abs().max() < 1e-12
    stream.reset()
    first = slice(0, 7)
    assert torch.equal(stream(*(x.flatten(2)[..., first] for x in (q, k, v))), pieces[0])
    with pytest.raises(ValueError, match='a piece has 1 rows, expected 2'):
        stream(*(x.flatten(2)[:1] for x in (q, k, v)))
    with pytest.raises(ValueError, match="scan='cross', expected 'raster'"):
        drawn(scan='cross').stream()


def test_steps_and_sizes_leave_no_state() -> None:
    attn = LRFDynamicAttention(8, 2, **CFG).double()
    x = maps(8, steps=3)
    wake(attn, x)
    y = attn(x)
    attn(maps(8, (3, 7)))
    assert torch.equal(attn(x), y)
    torch.testing.assert_close(attn(x[1:2])[0], attn(x[1:])[0])


def test_the_literal_reading_drops_projections() -> None:
    def names(value_ratio: int = 2, **kwargs: Any) -> set[str]:
        attn = LRFDynamicAttention(8, 2, value_ratio=value_ratio, **CFG, **kwargs)
        x = maps(8).float()
        assert attn(x).shape == x.shape
        return {n for n in ('q_conv', 'k_conv', 'v_conv') if getattr(attn, n) is not None}

    assert names() == {'q_conv', 'k_conv', 'v_conv'}
    assert names(gate=None) == {'k_conv', 'v_conv'}
    assert names(token='v') == {'q_conv', 'v_conv'}
    assert names(token='proj', gate=None) == {'v_conv'}
    assert names(value_ratio=1, token='x', gate=None) == set()


@pytest.mark.parametrize('lrf_on', ['v', 'u', 'm'])
def test_what_the_local_term_reads(lrf_on: str) -> None:
    attn: Any = LRFDynamicAttention(8, 2, lrf_on=lrf_on, scale=0.3, **CFG).double()
    x = maps(8)
    wake(attn, x)
    s = attn.neuron(x)
    q, k, v = (getattr(attn, f'{n}_neuron')(getattr(attn, f'{n}_conv')(s)) for n in 'qkv')
    m = attn.product.run((k * v)[0])[None]
    read = dict(v=v, u=k * v, m=m)[lrf_on]
    torch.testing.assert_close(attn(x), attn.out_proj(0.3 * q * m + attn.local(read)))
    folded = fold(attn)
    assert [f.reason for f in folded if f.reason is not None] == []
    torch.testing.assert_close(attn(x), attn.out_proj(q * m + attn.local(read)))


class TwoHundredTokens(torch.nn.Module):
    """An attention between a stem and a read-out, so that images have 14 x 15 tokens.

    Args:
        attn: The attention.
    """

    def __init__(self, attn: torch.nn.Module) -> None:
        super().__init__()
        self.stem = SpikeConv(3, 8, 3, norm_cfg=dict(type='BN'))
        self.attn = attn
        self.readout = SpikeConv(8, 5, neuron_cfg=CFG['neuron_cfg'])

    def forward(self, x: Tensor) -> Tensor:
        """``[B, 3, H, W] -> [B, 5, H, W]``."""
        return self.readout(self.attn(self.stem(x[None])))[0]


def awake(**kwargs: Any) -> Any:
    net = TwoHundredTokens(LRFDynamicAttention(8, 2, value_ratio=2, scale=2.0, **CFG, **kwargs))
    return wake(net, torch.randn(2, 3, 14, 15))


@pytest.mark.parametrize('scan', SCANS)
@pytest.mark.parametrize('impl', ['chunk', 'fft'])
def test_graphs_of_many_tokens(scan: str, impl: str, tmp_path: Path) -> None:
    net = awake(scan=scan, impl=impl)
    export_onnx(net, tmp_path / 'out', (14, 15))
    network = WatchedNetwork(tmp_path / 'out', net, (14, 15))
    images = torch.randn(1, 3, 14, 15)
    (found,) = network(images)
    calls, (expected,) = run(net, images, forced=network.calls)
    assert_fires_as_told(net, calls, network.calls)
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    types = {node.op_type for node in onnx.load(tmp_path / 'out' / 'model.onnx').graph.node}
    assert not types & {'DFT', 'Loop', 'Scan', 'BatchNormalization'}


@pytest.mark.parametrize('scan', SCANS)
def test_twins_of_many_tokens(scan: str) -> None:
    net, images = awake(scan=scan).double(), torch.randn(2, 3, 14, 15).double()
    twin, foldings = to_spike_inference(net, images)
    assert [f for f in foldings if f.reason is not None] == []
    torch.testing.assert_close(twin(images), net(images), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('reset', [None, 0.3])
@pytest.mark.parametrize('fusion', ['add', 'convex'])
def test_the_product_keeps_factors_that_no_threshold_takes(
    reset: float | None, fusion: str
) -> None:
    behind = dict(type='SigmoidL2NILIF', D=4)
    net = awake(attn_neuron_cfg=behind, reset=reset, fusion=fusion).double()
    images = torch.randn(2, 3, 14, 15).double()
    twin, foldings = to_spike_inference(net, images)
    assert {f.what for f in foldings if f.reason is not None} == {'attention scale'}
    fresh = torch.randn_like(images)
    torch.testing.assert_close(twin(fresh), net(fresh), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('kind', ['LRFSelfAttention', 'LRFDynamicAttention'])
def test_nir_leaves_it_out(kind: str, tmp_path: Path) -> None:
    arch = dict(embed_dims=[8, 16, 16, 16], depths=[1, 0, 0, 1, 0], num_heads=4)
    net = SDTV3(arch, neuron_cfg=dict(type='LIF'), attn_cfg=dict(type=kind))
    left_out = dict(export_nir(net.eval(), tmp_path / 'net.nir', (32, 48)).left_out)
    assert 'it multiplies spikes by spikes' in left_out['stages.3.blocks.0.branches.attn.product']
    assert 'stages.3' in left_out


@pytest.mark.parametrize('reset', [None, 0.5])
def test_each_spike_adds_to_every_dendrite(reset: float | None) -> None:
    net = awake(num_dendrites=5, reset=reset)
    counts: list[Tensor] = []

    def count(__: torch.nn.Module, args: tuple) -> None:
        _, k, v = args
        counts.append(16 * net.attn.product.tiled(k, v).sum())

    net.attn.product.register_forward_pre_hook(count)
    images = torch.randn(1, 3, 14, 15)
    report = energy_report(net, [images])
    net(images)
    rows = [x for x in report['layers'] if x['name'] == 'attn.product' and x['operation'] == 'bmm']
    assert sum(row['acs'] for row in rows) == pytest.approx(5 * counts[-1].item())
    assert net.attn.product.impl == 'chunk'
    (said,) = (x for x in report['assumptions'] if 'read-out' in x)
    assert "in 'attn.product'" in said and 'they are free' in said


def test_no_twin_if_the_local_term_reads_no_value() -> None:
    arch = dict(embed_dims=[8, 16, 16, 16], depths=[0, 0, 0, 1, 0], num_heads=4)
    net = SDTV3(
        arch, neuron_cfg=CFG['neuron_cfg'], attn_cfg=dict(type='LRFDynamicAttention', lrf_on='u')
    )
    wake(net, torch.randn(2, 3, 32, 48))
    with pytest.raises(ValueError, match=r"has no twin: attn_cfg has lrf_on='u', expected"):
        to_spike_inference(net)


def test_half_precision_runs_in_float32() -> None:
    product = drawn().float()
    q, k, v = (spikes(8).bfloat16() for _ in range(3))
    expected = product(*(x.float() for x in (q, k, v)))
    for impl in ('chunk', 'fft'):
        product.impl = impl
        with torch.autocast('cpu', torch.bfloat16):
            found = product(q, k, v)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected)


def test_a_reset_is_for_eval_mode_only() -> None:
    torch.manual_seed(0)
    product = drawn(reset=0.05)
    q, k, v = spikes(4), spikes(4), spikes(8)
    with_reset = product.eval()(q, k, v)
    trained = product.train()(q, k, v)
    product.reset = None
    torch.testing.assert_close(trained, product.eval()(q, k, v))
    assert not torch.allclose(with_reset, trained)


@pytest.mark.parametrize('scan', SCANS)
@pytest.mark.parametrize('share', ['head', 'channel'])
def test_scores_are_the_weights_of_the_values(scan: str, share: str) -> None:
    attn: Any = LRFDynamicAttention(8, 2, lrf=None, scan=scan, share=share, value_ratio=2, **CFG)
    x = maps(8, (3, 4), steps=2)
    wake(attn.double(), x)
    attn.product.gain.data.abs_()
    scores = attn.token_scores(x)
    whole = scores(slice(0, 12))
    assert whole.shape == (4, 2, 12, 12) and whole.min() >= 0
    torch.testing.assert_close(scores(slice(5, 7)), whole[:, :, 5:7])
    s = attn.neuron(x)
    q, k = (getattr(attn, f'{n}_neuron')(getattr(attn, f'{n}_conv')(s))[1, :1] for n in 'qk')
    v = torch.zeros(1, 16, 3, 4, dtype=torch.float64)
    v[..., 1, 1] = 1
    reached = attn.product(q, k, v).view(2, 8, 12).mean(1)  # of token 5
    torch.testing.assert_close(whole[2, :, :, 5], reached)


def test_memory_is_the_state() -> None:
    attn = LRFDynamicAttention(16, 4, value_ratio=2, **CFG)
    found = attn.attention_memory(7, 9)
    assert (found.state, found.queries) == (8 * 32 * 32, 0)
    assert found.buffer == (2 * 5 * 9 + 11) * 32 * 3
    assert found.tokens == 63 * (16 + 16 + 32) * 3
    both = LRFDynamicAttention(16, 4, value_ratio=2, scan='bidirectional', **CFG)
    kept = both.attention_memory(7, 9)
    assert (kept.state, kept.queries) == (found.state + 63 * 32 * 32, found.tokens)
    alone = LRFDynamicAttention(16, 4, token='x', gate=None, lrf=None, **CFG)
    assert alone.attention_memory(7, 9).tokens == 63 * 16 * 3


@pytest.mark.parametrize('lrf_on', ['v', 'u', 'm'])
def test_memory_of_real_values(lrf_on: str) -> None:
    cfg = dict(CFG, neuron_cfg=dict(type='ReLU'))
    attn = LRFDynamicAttention(16, 4, value_ratio=2, lrf_on=lrf_on, **cfg)
    found = attn.attention_memory(7, 9)
    assert found.tokens == 63 * (16 + 16 + 32) * 32
    assert found.buffer == (2 * 5 * 9 + 11) * 32 * 32


@pytest.mark.parametrize(
    ('kwargs', 'said'),
    [
        (dict(token='k'), "token='k', expected one of"),
        (dict(gate='k'), "gate='k', expected one of"),
        (dict(lrf_on='q'), "lrf_on='q', expected one of"),
        (dict(token='x'), "gate='q' beside token='x', expected gate=None"),
        (dict(token='x', gate=None, value_ratio=2), "value_ratio=2 beside token='x', expected"),
        (dict(order='linear'), "order='linear', expected none"),
        (dict(scan='zigzag'), "scan='zigzag', expected one of"),
        (dict(share='all'), "share='all', expected one of"),
        (dict(impl='loop'), "impl='loop', expected one of"),
        (dict(num_dendrites=0), 'num_dendrites=0, expected an integer of at least 1'),
        (dict(num_dendrites=True), 'num_dendrites=True, expected an integer'),
        (dict(reset='a'), "reset='a', expected a number above 0, or None"),
        (dict(reset=-1), 'reset=-1, expected a number above 0, or None'),
    ],
)
def test_wrong_settings_are_told(kwargs: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LRFDynamicAttention(16, 4, **CFG, **kwargs)


def test_one_dendrite_has_no_parameter_without_a_gradient() -> None:
    product = DynamicsProduct(8, 2, 1.0, num_dendrites=1)
    product(None, None, torch.ones(1, 8, 3, 3)).sum().backward()
    assert all(p.numel() and p.grad is not None for p in product.parameters())
