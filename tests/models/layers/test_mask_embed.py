"""The mask embedding and its shortcuts."""

import pytest
import torch
from torch import Tensor

from spikedense.models.layers.mask_embed import PRE_ACTS, SHORTCUTS, SpikeMaskEmbed, rescaled
from spikedense.neurons import build_neuron

NORM = dict(type='BN')
C, Q = 8, 5


def embed(D: int = 4, **kwargs) -> SpikeMaskEmbed:
    neuron = dict(type='NILIF', D=D)
    return SpikeMaskEmbed(C, C, Q, neuron_cfg=neuron, norm_cfg=NORM, **kwargs).double().eval()


def queries(T: int = 1) -> Tensor:
    return torch.randn(T, 3, Q, C, dtype=torch.float64)


@pytest.mark.parametrize(('D', 'level'), [(1, 4.0), (2, 2.0), (4, 1.0), (8, 0.5)])
def test_what_classes_are_read_from_is_the_sign_of_the_queries(D: int, level: float) -> None:
    x = queries()
    spikes, _ = embed(D)(x)
    assert torch.equal(spikes, (x > 0) * level)


@pytest.mark.parametrize('shortcut', SHORTCUTS)
def test_embeddings_are_integers(shortcut: str | None) -> None:
    module = embed(shortcut=shortcut)
    torch.nn.init.uniform_(module.fc_out.weight, -1, 2)
    _, out = module(queries())
    assert out.shape == (1, 3, Q, C)
    assert torch.equal(out, out.round()) and out.min() >= 0 and 0 < out.max() <= 4
    assert (module.weight is None) == (shortcut is None)


@pytest.mark.parametrize('pre_act', PRE_ACTS)
@pytest.mark.parametrize('shortcut', SHORTCUTS)
def test_equals_the_definition(shortcut: str | None, pre_act: str | None) -> None:
    D, scale = 4, 2.0
    module = embed(D, shortcut=shortcut, pre_act=pre_act, scale=scale)
    for parameter in module.parameters():
        torch.nn.init.uniform_(parameter, -0.7, 1.3)
    if shortcut is not None:
        torch.nn.init.constant_(module.weight, 0.7)
    for name, buffer in module.named_buffers():
        if 'running' in name:
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
    state = module.state_dict()

    def fire(x: Tensor) -> Tensor:
        return x.round().clamp(0, D) * scale / D

    def norm(x: Tensor) -> Tensor:
        """Over axis 2 of ``[T, B, ., .]``, with running statistics."""
        mean, var, weight, bias = (
            state[f'shortcut_conv.norm.{key}'][:, None]
            for key in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    q = queries()
    p = 1 / (1 + (-q).exp()) if pre_act == 'sigmoid' else q
    r = fire(p)
    expected = fire(fire(r @ state['fc1.weight'].T) @ state['fc2.weight'].T)
    expected = expected @ state['fc_out.weight'].T + state['fc_out.bias']
    if shortcut in ('me_query_conv', 'me_channel_conv'):
        mix = state['shortcut_conv.conv.weight'].squeeze(-1).squeeze(-1)
        if shortcut == 'me_query_conv':
            added = norm(mix @ fire(p))
        else:
            added = norm(mix @ fire(p).transpose(2, 3)).transpose(2, 3)
    else:
        added = {'identity': r, 'membrane': q, None: torch.zeros_like(q)}[shortcut]
    weight = 0 if shortcut is None else state['weight']
    embedding = fire(expected + weight * added)
    assert shortcut is None or not torch.equal(embedding, fire(expected)), 'it would not be seen'

    spikes, out = module(q)
    torch.testing.assert_close(spikes, r)
    torch.testing.assert_close(out, embedding)


def test_shortcut_mixes_queries_or_channels() -> None:
    def changed(module: SpikeMaskEmbed) -> Tensor:
        """Places of one image whose shortcut changes with its query 1, channel 2."""
        torch.nn.init.uniform_(module.shortcut_conv.conv.weight, 1, 2)
        x = queries()
        y = x.clone()
        y[:, 0, 1, 2] *= -1
        pair = [module._shortcut(q, q.sigmoid(), None) for q in (x, y)]
        return (pair[0] != pair[1])[0, 0]

    over_queries = changed(embed(shortcut='me_query_conv'))
    assert over_queries[:, 2].all() and over_queries.sum() == Q
    over_channels = changed(embed(shortcut='me_channel_conv'))
    assert over_channels[1].all() and over_channels.sum() == C


def test_shortcut_keeps_the_last_neuron_awake() -> None:
    torch.manual_seed(0)
    rates = {}
    for shortcut in ('me_query_conv', None):
        module = embed(shortcut=shortcut)
        module.init_weights()
        rates[shortcut] = (module.train()(queries())[1] > 0).double().mean().item()
    assert rates[None] == 0 < rates['me_query_conv']


def test_steps_follow_each_other_in_time() -> None:
    x = queries().expand(3, -1, -1, -1) * 0.6
    neuron = dict(type='NILIF', D=4, beta=1.0)
    module = SpikeMaskEmbed(C, C, Q, neuron_cfg=neuron, norm_cfg=NORM).double().eval()
    spikes, _ = module(x)
    assert not torch.equal(spikes[0], spikes[1]), 'what does not fire is carried on'


@pytest.mark.parametrize(
    'neuron',
    [
        dict(type='NILIF', D=4),
        dict(type='ILIF', D=3),
        dict(type='SigmoidL2NILIF', D=4),
        dict(type='spikedense.SigmoidL2NILIF', D=4, norm=8),
    ],
)
def test_rescaled_neuron(neuron: dict) -> None:
    x = torch.randn(1, 3, 50) * 4
    scaled = build_neuron(rescaled(neuron, 2.0))(x)
    torch.testing.assert_close(scaled, 2 * build_neuron(neuron)(x))
    assert rescaled(dict(type='ReLU'), 2.0) == dict(type='ReLU')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(shortcut='conv'), "shortcut='conv', expected one of"),
        (dict(pre_act='tanh'), "pre_act='tanh', expected one of"),
        (dict(shortcut='identity', out_channels=4), 'adds 8 channels to 4'),
    ],
)
def test_wrong_options_are_told(options: dict, message: str) -> None:
    args = {'in_channels': C, 'out_channels': C, 'num_queries': Q, **options}
    with pytest.raises(ValueError, match=message):
        SpikeMaskEmbed(**args, neuron_cfg=dict(type='NILIF'), norm_cfg=NORM)
