"""Writes the index of the backbones, docs/backbones.md, from the registered classes."""

import re
from typing import Any

import torch

from spikedense.registry import MODELS

from .base import SpikeBackbone

_COLUMNS = ('arch', 'Parameters', 'Channels', 'Strides')
_HEAD = """# Backbones

All backbones with their published sizes, generated from the classes by `tools/dev/make_readmes.py`.
Channels and strides are those of all taps; `out_indices` chooses some. Parameters are without a
classifier. The neuron and T are defaults: every backbone works with every neuron and every T. The
residual sums are of membrane potentials, or of spikes: then the sums are integers, and the layers
behind them read these. [mixers.md](mixers.md) has the attentions and channel mixers.
"""
#: The end of a sentence of a docstring that names a conference or a journal, as (CVPR 2024).
_VENUE = re.compile(r'\(([A-Z][\w-]* \d{4})\)')


def render_backbones() -> str:
    """Make the page.

    Returns:
        Markdown with a final newline, a section for each registered backbone of this package.
    """
    found = {
        name: cls
        for name, cls in MODELS.module_dict.items()
        if isinstance(cls, type)
        and issubclass(cls, SpikeBackbone)
        and cls.__module__.startswith('spikedense.')
    }
    return '\n'.join([_HEAD, *(_section(name, found[name]) for name in sorted(found))])


def _section(name: str, cls: Any) -> str:
    """Return what a class says of itself, and a row for each of its sizes."""
    with torch.device('meta'):
        built = {arch: cls(arch=arch) for arch in cls.arch_zoo}
    one = next(iter(built.values()))
    facts = {
        'Paper': paper_of(cls),
        'Neuron': _neuron(one.neuron_cfg),
        'T': str(one.T),
        'Residual sums': 'spikes' if _sums_spikes(one) else 'membrane potentials',
    }
    lines = [f'## {name}\n', *(f'- {key}: {value}' for key, value in facts.items()), '']
    lines.append('| ' + ' | '.join(_COLUMNS) + ' |')
    lines.append('| ' + ' | '.join('---' for _ in _COLUMNS) + ' |')
    lines += [_row(arch, backbone) for arch, backbone in built.items()]
    return '\n'.join([*lines, ''])


def _row(arch: str | int, backbone: SpikeBackbone) -> str:
    backbone.out_indices = tuple(range(len(backbone.stages)))
    cells = [
        f'`{arch!r}`',
        f'{sum(p.numel() for p in backbone.parameters()):,}',
        ', '.join(map(str, backbone.out_channels)),
        ', '.join(map(str, backbone.out_strides)),
    ]
    return '| ' + ' | '.join(cells) + ' |'


def paper_of(cls: type) -> str:
    """Return the paper of a backbone: its ``paper``, else the venue that its docstring names."""
    given = getattr(cls, 'paper', '')
    venue = _VENUE.search(' '.join((cls.__doc__ or '').split()))
    return given or (venue[1] if venue else '-')


def _neuron(cfg: dict[str, Any]) -> str:
    """Write a config as it is written in a config file."""
    args = [f'{key}={value!r}' for key, value in cfg.items() if key != 'surrogate']
    surrogate = cfg.get('surrogate')
    if surrogate:
        args.append('surrogate=' + _neuron(surrogate).strip('`'))
    return f'`dict({", ".join(args)})`'


def _sums_spikes(backbone: SpikeBackbone) -> bool:
    """Tell whether the blocks end in spikes, from which a tap makes a membrane potential."""
    return any(getattr(stage, 'tap', None) is not None for stage in backbone.stages)
