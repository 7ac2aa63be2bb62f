"""Each ablation of Spike2Former differs from the main model in what its name says, and only so."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from config_groups import config_of, reduced_config_of
from contract import spiked_operands, wake
from reduced_models import build_model
from torch import nn

from spikedense.models.layers import AttentionProduct, SpikeConv, SpikeSeparableConv
from spikedense.models.pixel_decoders import MSDeformEncoder, SDTELayer, SpikeEncoderLayer
from spikedense.neurons import NILIF, BaseNeuron, SigmoidL2NILIF
from spikedense.utils.config_path import list_configs

MAIN = {
    'ade20k': 'spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512',
    'demo': 'spike2former_sdtv3-demo_1xb8-680i_demo-128x128',
}
ABLATIONS = [
    name
    for name in list_configs()
    if name.startswith('spike2former/spike2former-')
    and not name.startswith(('spike2former/spike2former-l_', 'spike2former/spike2former-paper_'))
]


def norms(model: nn.Module, part: str = '') -> set[float]:
    """Divisors of the neurons whose names hold a part."""
    return {m.norm for name, m in model.named_modules() if isinstance(m, NILIF) and part in name}


def orders(module: nn.Module) -> set[str]:
    """Return the orders of a part's attention products."""
    return {m.order for m in module.modules() if isinstance(m, AttentionProduct)}


def embed(model: nn.Module) -> nn.Module:
    return model.decode_head.mask_embed


def pixel(model: nn.Module) -> nn.Module:
    return model.decode_head.pixel_decoder


def sdda(model: nn.Module) -> nn.Module:
    return pixel(model).encoder[0].branches['attn']


#: What a net has if, and only if, it is that ablation.
MARKS: dict[str, Callable[[nn.Module], bool]] = {
    'direct-conversion': lambda m: (
        isinstance(pixel(m).encoder, MSDeformEncoder)
        and pixel(m).encoder_levels == (1, 2, 3)
        and embed(m).weight is None
        and embed(m).pre_act is None
        and norms(m, 'mask_embed') == {4}
    ),
    'no-shortcut': lambda m: embed(m).weight is None and embed(m).pre_act is not None,
    'identity-shortcut': lambda m: embed(m).shortcut == 'identity',
    'membrane-shortcut': lambda m: embed(m).shortcut == 'membrane',
    'no-sdte': lambda m: pixel(m).encoder is None,
    'linear-proj': lambda m: (
        has_sdda(m)
        and isinstance(sdda(m).value_proj, SpikeConv)
        and not any(isinstance(c, SpikeSeparableConv) for c in sdda(m).modules())
    ),
    'no-dwconv': lambda m: has_sdda(m) and sdda(m).dwconv is None,
    'spiked-value': lambda m: has_sdda(m) and fired_in_sdda(m) == {'value'},
    'multi-scale': lambda m: pixel(m).encoder_levels == (2, 3),
    'vanilla-encoder': lambda m: any(isinstance(c, SpikeEncoderLayer) for c in m.modules()),
    'ilif': lambda m: norms(m) == {1},
    'norm-in-cross-attention': lambda m: (
        norms(m, 'cross_attn') == {4} and norms(m, 'self_attn') == {1}
    ),
    'norm-8': lambda m: norms(m, 'backbone') == {8} and norms(m, 'layers') == {8},
    'sigmoid-l2': lambda m: (
        {type(n) for n in m.modules() if isinstance(n, BaseNeuron)} == {SigmoidL2NILIF}
    ),
    'full-fpn': lambda m: {c.conv.groups for c in pixel(m).output_convs.values()} == {1},
    'masked-attention': lambda m: m.decode_head.masked_attention,
    'quadratic': lambda m: orders(m.decode_head.transformer_decoder) == {'quadratic'},
}


_SDTE = 'decode_head.pixel_decoder.encoder'
_EMBED = 'decode_head.mask_embed'
_NEURONS = ('backbone.neuron_cfg', 'decode_head.neuron_cfg')
_CROSS_ATTENTION = 'decode_head.transformer_decoder.cross_attn_cfg.neuron_cfg'

#: Keys of the model's config that differ from the main model's, all of them.
DIFFERENCES: dict[str, set[str]] = {
    'direct-conversion': {
        f'{_SDTE}.type',
        f'{_SDTE}.attn_cfg.num_groups',
        f'{_SDTE}_levels',
        f'{_EMBED}.shortcut',
        f'{_EMBED}.pre_act',
        f'{_EMBED}.scale',
    },
    'no-shortcut': {f'{_EMBED}.shortcut'},
    'identity-shortcut': {f'{_EMBED}.shortcut'},
    'membrane-shortcut': {f'{_EMBED}.shortcut'},
    'no-sdte': {
        _SDTE,
        *(f'{_SDTE}.{key}' for key in ('type', 'num_layers', 'mlp_ratio', 'attn_cfg.num_groups')),
    },
    'linear-proj': {f'{_SDTE}.attn_cfg.proj'},
    'no-dwconv': {f'{_SDTE}.attn_cfg.dwconv'},
    'spiked-value': {f'{_SDTE}.attn_cfg.spike'},
    'multi-scale': {f'{_SDTE}_levels'},
    'vanilla-encoder': {f'{_SDTE}.type', f'{_SDTE}.attn_cfg.num_groups'},
    'ilif': {*(f'{neuron}.norm' for neuron in _NEURONS), f'{_EMBED}.scale'},
    'norm-in-cross-attention': {
        *(f'{neuron}.norm' for neuron in _NEURONS),
        f'{_EMBED}.scale',
        f'{_CROSS_ATTENTION}.type',
        f'{_CROSS_ATTENTION}.D',
    },
    'norm-8': {f'{neuron}.norm' for neuron in _NEURONS},
    'sigmoid-l2': {f'{neuron}.type' for neuron in _NEURONS},
    'full-fpn': {'decode_head.pixel_decoder.depthwise'},
    'masked-attention': {'decode_head.masked_attention'},
    'quadratic': {'decode_head.transformer_decoder.order'},
}

#: Variables of config files, which count only where they are used.
VARIABLES = {'neuron_cfg', 'raw'}


def flattened(node: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    """Dotted keys of a nested dict; a list is a value, and so is an empty dict."""
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict) and value:
            flat |= flattened(value, f'{prefix}{key}.')
        else:
            flat[f'{prefix}{key}'] = value
    return flat


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """Keys that only one of two dicts has, or that have two values."""
    absent = object()
    return {
        key for key in one.keys() | other.keys() if one.get(key, absent) != other.get(key, absent)
    }


def fired_in_sdda(model: nn.Module) -> set[str]:
    """Which factors of SDDA's weighted sum are spikes; the module is woken for it."""
    module = sdda(model)
    x = torch.randn(1, 2, module.weight_conv.conv.in_channels, 6, 9)
    return spiked_operands(wake(module, x), x)


def has_sdda(model: nn.Module) -> bool:
    return any(isinstance(child, SDTELayer) for child in model.modules())


def parts(name: str) -> tuple[str, str]:
    """Which ablation a config is, and on which data set."""
    method, _, _, data = name.removeprefix('spike2former/spike2former-').split('_')
    return method, data.split('-')[0]


def test_every_row_has_a_config() -> None:
    assert {parts(name)[0] for name in ABLATIONS} == set(MARKS) == set(DIFFERENCES)


@pytest.mark.parametrize('name', ABLATIONS)
def test_the_named_difference_is_there(name: str) -> None:
    ablation, data = parts(name)
    model = build_model(reduced_config_of(name))
    assert [mark for mark, is_there in MARKS.items() if is_there(model)] == [ablation]
    main = config_of(f'spike2former/{MAIN[data]}.py')
    own = config_of(name)
    assert differing(dict(main), dict(own)) - VARIABLES == {'model'}
    assert differing(flattened(main.model), flattened(own.model)) == DIFFERENCES[ablation]


@pytest.mark.parametrize('data', MAIN)
def test_the_main_model_has_none_of_them(data: str) -> None:
    model = build_model(reduced_config_of(f'spike2former/{MAIN[data]}.py'))
    assert [mark for mark, is_there in MARKS.items() if is_there(model)] == []
