"""From queries to mask embeddings, with the membrane shortcut ME-Shortcut (SDME)."""

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import ILIF, NILIF, build_neuron

from .spike_conv import SpikeConv
from .time import over_time

SHORTCUTS = ('me_query_conv', 'me_channel_conv', 'identity', 'membrane', None)
PRE_ACTS = ('sigmoid', None)


def rescaled(neuron_cfg: dict[str, Any], scale: float) -> dict[str, Any]:
    """A neuron whose output is ``scale`` times that of another one.

    Args:
        neuron_cfg: an integer neuron (NI-LIF and its kin); others have no scale and stay what they
            are.
        scale: factor; a neuron of D = 4 with scale 4 emits integers.

    Returns:
        The config of the other neuron.
    """
    neuron = build_neuron(neuron_cfg)
    if not isinstance(neuron, NILIF):
        return neuron_cfg
    divided = NILIF if isinstance(neuron, ILIF) else type(neuron)  # I-LIF takes no norm
    return {**neuron_cfg, 'type': divided, 'norm': neuron.norm / scale}


class DirectSynapse(nn.Identity):
    """Spikes taken for membranes, one to one: the identity, where analysis and deployment look."""


class SpikeMaskEmbed(BaseModule):
    r"""Spike-driven mask embedding (SDME) with the membrane shortcut ME-Shortcut.

    .. math::
        P &= \mathrm{sigmoid}(Q), \qquad R = \alpha \, \mathrm{SN}(P) \\
        \zeta &= \alpha \, \mathrm{SN}\bigl(\mathrm{MLP}(R)
                 + w \, \mathrm{BN}(\mathrm{Conv}(\alpha \, \mathrm{SN}(P)))\bigr)

    The convolution mixes queries, not channels: it fixes their number. As P lies in (0, 1), R is 0
    or :math:`\alpha / D`, as Q is negative or not.

    Args:
        in_channels: channels of the queries.
        out_channels: channels of the mask features.
        num_queries: number of queries.
        shortcut: ``'me_query_conv'``, ``'me_channel_conv'`` (its convolution mixes channels),
            ``'identity'`` (:math:`w R`), ``'membrane'`` (:math:`w Q`), or None; all but the first
            are ablations.
        pre_act: ``'sigmoid'``, or None for ``P = Q``.
        scale: :math:`\alpha`; D makes the neurons emit integers.
        neuron_cfg: the neuron.
        norm_cfg: the norm.
        init_cfg: initialisation of mmengine.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_queries: int,
        shortcut: str | None = 'me_query_conv',
        pre_act: str | None = 'sigmoid',
        scale: float = 4.0,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if shortcut not in SHORTCUTS:
            raise ValueError(f'shortcut={shortcut!r}, expected one of {SHORTCUTS}')
        if pre_act not in PRE_ACTS:
            raise ValueError(f'pre_act={pre_act!r}, expected one of {PRE_ACTS}')
        if shortcut in ('identity', 'membrane') and in_channels != out_channels:
            raise ValueError(
                f'shortcut={shortcut!r} adds {in_channels} channels to {out_channels}; expected '
                'in_channels == out_channels'
            )
        self.pre_act = pre_act
        self.shortcut = shortcut
        neuron_cfg = rescaled(neuron_cfg, scale)
        self.in_neuron = build_neuron(neuron_cfg)
        self.fc1 = nn.Linear(in_channels, in_channels, bias=False)
        self.neuron1 = build_neuron(neuron_cfg)
        self.fc2 = nn.Linear(in_channels, in_channels, bias=False)
        self.neuron2 = build_neuron(neuron_cfg)
        self.fc_out = nn.Linear(in_channels, out_channels)
        self.out_neuron = build_neuron(neuron_cfg)
        cfg: dict[str, Any] = dict(bias=False, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        self.shortcut_conv: SpikeConv | None = None
        self.direct = DirectSynapse()
        if shortcut == 'me_query_conv':
            self.shortcut_conv = SpikeConv(num_queries, num_queries, **cfg)
        elif shortcut == 'me_channel_conv':
            self.shortcut_conv = SpikeConv(in_channels, out_channels, **cfg)
        self.weight = nn.Parameter(torch.ones(1)) if shortcut is not None else None

    def init_weights(self) -> None:
        """A last layer with small weights."""
        super().init_weights()
        if self.init_cfg is None:
            nn.init.trunc_normal_(self.fc_out.weight, std=0.02)
            nn.init.zeros_(self.fc_out.bias)

    def forward(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        r"""Embeds queries.

        Args:
            queries: ``[T, B, Q, C]``.

        Returns:
            What classes are read from, :math:`R`, ``[T, B, Q, C]``, and the mask embeddings
            :math:`\zeta`, ``[T, B, Q, C_out]``; both are spikes.
        """
        p = queries.sigmoid() if self.pre_act == 'sigmoid' else queries
        r = self.in_neuron(p)
        m = self.mlp(r)
        if self.shortcut is not None:
            y = self._shortcut(queries, p, r)
            m = m + (y if self.weight is None else self.weight * y)
        return r, self.out_neuron(m)

    def mlp(self, r: Tensor) -> Tensor:
        """``[..., C] -> [..., C_out]``."""
        x = self.neuron1(over_time(self.fc1, r))
        x = self.neuron2(over_time(self.fc2, x))
        return over_time(self.fc_out, x)

    def _shortcut(self, queries: Tensor, p: Tensor, r: Tensor) -> Tensor:
        """``[T, B, Q, C] -> [T, B, Q, C_out]``."""
        if self.shortcut == 'membrane':
            return queries
        if self.shortcut == 'identity':
            return over_time(self.direct, r)
        assert self.shortcut_conv is not None
        if self.shortcut == 'me_query_conv':
            return self.shortcut_conv(p.unsqueeze(-1)).squeeze(-1)
        return self.shortcut_conv(p.transpose(2, 3).unsqueeze(-1)).squeeze(-1).transpose(2, 3)
