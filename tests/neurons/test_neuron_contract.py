"""What every neuron promises."""

import copy
import pickle

import pytest
import torch

from spikedense.neurons import build_neuron

CFGS = [
    dict(type='NILIF', D=4),
    dict(type='NILIF', D=8, norm=3.0, beta=1.0, detach_reset=False),
    dict(type='ILIF', D=2),
    dict(type='EvalClampedNILIF', D=4, eval_clamp=2),
    dict(type='SigmoidL2NILIF', D=4),
    dict(type='SigmoidL2NILIF', D=2, norm=3.0, beta=1.0, detach_reset=False),
    dict(type='LIF'),
    dict(type='LIF', v_reset=None, decay_input=False, v_threshold=0.5),
    dict(type='IF'),
    dict(type='PLIF'),
    dict(type='StrictLIF'),
    dict(type='SL'),
    dict(type='RL', thresholds=[0.5, 0.25], v_reset=-0.5),
    dict(type='MBPL'),
    dict(type='MBPL', thresholds=[1.0, 0.5], v_reset=None, decay_input=False, detach_reset=True),
    dict(type='HSL'),
]
neuron_cfgs = pytest.mark.parametrize('cfg', CFGS, ids=lambda c: '-'.join(map(str, c.values())))

#: It fires at rest by definition: the sigmoid of 0 is a half.
NEVER_SILENT = 'SigmoidL2NILIF'


def currents(T: int = 4, **kwargs) -> torch.Tensor:
    return 2 * torch.randn(T, 3, 5, 2, **kwargs) + 0.5


@neuron_cfgs
def test_output_times_scale_is_an_integer_up_to_D(cfg: dict) -> None:
    neuron = build_neuron(cfg)
    counts = neuron(currents()) * neuron.scale
    torch.testing.assert_close(counts, counts.round())
    assert counts.min() == 0 or (cfg['type'] == NEVER_SILENT and counts.min() > 0)
    assert 0 < counts.max() <= neuron.D


@neuron_cfgs
def test_silent_at_rest_and_below(cfg: dict) -> None:
    neuron = build_neuron(cfg)
    resting = neuron(torch.zeros(1, 3, 5))
    if cfg['type'] == NEVER_SILENT:
        assert torch.equal(resting * neuron.scale, torch.full_like(resting, neuron.D / 2))
    else:
        assert not resting.any()
        assert not neuron(-currents().abs()).any()


@neuron_cfgs
def test_a_call_leaves_nothing_behind(cfg: dict) -> None:
    neuron, x = build_neuron(cfg), currents()
    first = neuron(x)
    neuron(currents())
    assert torch.equal(neuron(x), first)
    assert neuron.membrane is None


@neuron_cfgs
def test_one_step_alone_equals_the_first_of_many(cfg: dict) -> None:
    neuron, x = build_neuron(cfg), currents().requires_grad_()
    (grad,) = torch.autograd.grad(neuron(x)[0].sum(), x)
    (grad_alone,) = torch.autograd.grad(neuron(x[:1]).sum(), x)
    torch.testing.assert_close(neuron(x[:1])[0], neuron(x)[0])
    torch.testing.assert_close(grad_alone, grad)


@neuron_cfgs
def test_stateless_means_elementwise(cfg: dict) -> None:
    neuron, x = build_neuron(dict(cfg, stateful=False)), currents()
    alone = torch.stack([neuron(x[t : t + 1])[0] for t in range(len(x))])
    assert torch.equal(neuron(x), alone)


@neuron_cfgs
def test_streaming_equals_one_long_call(cfg: dict) -> None:
    x = currents(T=6)
    stream = build_neuron(dict(cfg, keep_state=True))
    parts = torch.cat([stream(x[:2]), stream(x[2:3]), stream(x[3:])])
    assert torch.equal(parts, build_neuron(cfg)(x))
    stream.reset()
    assert torch.equal(stream(x[:2]), parts[:2])


@neuron_cfgs
def test_gradients_reach_back_through_calls_until_detached(cfg: dict) -> None:
    x = currents(T=2).requires_grad_()
    parts = build_neuron(dict(cfg, keep_state=True))
    twice = torch.stack([parts(x[:1])[0], parts(x[1:])[0]])
    weight = torch.randn(2, 1, 1, 1)
    (found,) = torch.autograd.grad((twice * weight).sum(), x)
    (expected,) = torch.autograd.grad((build_neuron(cfg)(x) * weight).sum(), x)
    torch.testing.assert_close(found, expected)

    stream = build_neuron(dict(cfg, keep_state=True))
    for _ in range(3):
        stream(x).sum().backward()
        before = stream.membrane.clone()
        stream.detach()
        assert torch.equal(stream.membrane, before) and not stream.membrane.requires_grad
    stream.reset()
    stream.detach()
    assert stream.membrane is None


@neuron_cfgs
def test_state_is_no_part_of_copies_and_checkpoints(cfg: dict) -> None:
    neuron = build_neuron(dict(cfg, keep_state=True))
    neuron(currents().requires_grad_())
    assert neuron.membrane is not None
    assert set(neuron.state_dict()) <= {'node.w'}
    for twin in (copy.deepcopy(neuron), pickle.loads(pickle.dumps(neuron))):
        assert twin.membrane is None
        x = currents()
        assert torch.equal(twin(x), build_neuron(cfg)(x))


@neuron_cfgs
def test_state_follows_dtype_moves(cfg: dict) -> None:
    neuron = build_neuron(dict(cfg, keep_state=True))
    neuron(currents())
    assert neuron.double().membrane.dtype == torch.float64


def test_a_stream_of_another_shape_is_refused() -> None:
    neuron = build_neuron(dict(type='NILIF', keep_state=True))
    neuron(currents())
    with pytest.raises(ValueError, match=r'membrane of shape \(3, 5, 2\).*reset\(\)'):
        neuron(torch.zeros(4, 7))


@neuron_cfgs
def test_samples_do_not_see_each_other(cfg: dict) -> None:
    neuron, x = build_neuron(cfg), currents()
    assert torch.equal(neuron(x.flip(1)), neuron(x).flip(1))
    assert torch.equal(neuron(x[:, :1]), neuron(x)[:, :1])


@neuron_cfgs
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(cfg: dict, dtype: torch.dtype) -> None:
    neuron, x = build_neuron(cfg), currents().to(dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = neuron(x)
    assert out.dtype == dtype
    assert torch.equal(out, neuron(x.float()).to(dtype))
