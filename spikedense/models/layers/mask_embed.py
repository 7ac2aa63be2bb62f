"""Spike-driven mask embedding (SDME) with ME-Shortcut: from queries to mask embeddings."""

from typing import Any, cast

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import ILIF, NILIF, after_sigmoid, build_neuron
from spikedense.utils.answers import Folding, Unfoldable

from .folding import scale_output
from .spike_conv import SpikeConv
from .time import fold_time, over_time, unfold_time

SHORTCUTS = ('me_query_conv', 'me_channel_conv', 'identity', 'membrane', None)
PRE_ACTS = ('sigmoid', None)


def rescaled(neuron_cfg: dict[str, Any], scale: float) -> dict[str, Any]:
    """Return the config of a neuron that emits ``scale`` times as much.

    Args:
        neuron_cfg: Config of a neuron. Only NI-LIF and its subclasses have a scale; the config of
            any other neuron is returned unchanged.
        scale: Factor on the output; with scale 4, NI-LIF of D = 4 emits integers.
    """
    neuron = build_neuron(neuron_cfg)
    if not isinstance(neuron, NILIF):
        return neuron_cfg
    divided = NILIF if isinstance(neuron, ILIF) else type(neuron)  # I-LIF takes no norm
    return {**neuron_cfg, 'type': divided, 'norm': neuron.norm / scale}


class DirectSynapse(nn.Module):
    """A synapse with one weight for all spikes.

    The weight is a parameter of :class:`SpikeMaskEmbed`, which passes it in. The multiplication is
    a module, so that analysis can name it and deployment can replace it.
    """

    no_nir = 'a weight that all spikes share has no NIR node'

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        """``[T*B, Q, C], [1] -> [T*B, Q, C]``."""
        return weight * x


class SpikeMaskEmbed(BaseModule):
    r"""Spike-driven mask embedding (SDME) with the membrane shortcut ME-Shortcut.

    .. math::
        P &= \mathrm{sigmoid}(Q), \qquad R = \alpha \, \mathrm{SN}(P) \\
        \zeta &= \alpha \, \mathrm{SN}\bigl(\mathrm{MLP}(R)
                 + w \, \mathrm{BN}(\mathrm{Conv}(\alpha \, \mathrm{SN}(P)))\bigr)

    The convolution mixes queries, not channels, so the number of queries is fixed. P lies in
    (0, 1). So R is :math:`\alpha / D` if Q is above 0, else 0.

    Args:
        in_channels: Channels of the queries.
        out_channels: Channels of the mask features.
        num_queries: Number of queries.
        shortcut: ``'me_query_conv'``, ``'me_channel_conv'`` (a convolution that mixes channels),
            ``'identity'`` (:math:`w R`), ``'membrane'`` (:math:`w Q`), or None for no shortcut.
            Only ``'me_query_conv'`` is the published model, the others are ablations.
        pre_act: ``'sigmoid'``, or None for ``P = Q``.
        scale: :math:`\alpha`; with :math:`\alpha = D` the neurons emit integers.
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
        self.direct = DirectSynapse() if shortcut == 'identity' else None
        if shortcut == 'me_query_conv':
            self.shortcut_conv = SpikeConv(num_queries, num_queries, **cfg)
        elif shortcut == 'me_channel_conv':
            self.shortcut_conv = SpikeConv(in_channels, out_channels, **cfg)
        self.weight = nn.Parameter(torch.ones(1)) if shortcut is not None else None

    def init_weights(self) -> None:
        """Initialise the weights; the last layer starts with small weights and no bias."""
        super().init_weights()
        if self.init_cfg is None:
            nn.init.trunc_normal_(self.fc_out.weight, std=0.02)
            nn.init.zeros_(self.fc_out.bias)

    def forward(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        r"""Embed queries.

        Args:
            queries: ``[T, B, Q, C]``.

        Returns:
            :math:`R`, the input of the classifier, ``[T, B, Q, C]``, and the mask embeddings
            :math:`\zeta`, ``[T, B, Q, C_out]``; both are spikes.
        """
        p = queries.sigmoid() if self.pre_act == 'sigmoid' else queries
        r = self.in_neuron(p)
        m = self.mlp(r)
        if self.shortcut is not None:
            m = m + self._shortcut(queries, p, r)
        return r, self.out_neuron(m)

    def mlp(self, r: Tensor) -> Tensor:
        """``[..., C] -> [..., C_out]``."""
        x = self.neuron1(over_time(self.fc1, r))
        x = self.neuron2(over_time(self.fc2, x))
        return over_time(self.fc_out, x)

    def _shortcut(self, queries: Tensor, p: Tensor, r: Tensor) -> Tensor:
        """``[T, B, Q, C] -> [T, B, Q, C_out]``, times the weight of the shortcut."""
        if self.direct is not None:
            return unfold_time(self.direct(fold_time(r), self.weight), r.size(0))
        y = queries if self.shortcut_conv is None else self._convolved(p)
        return y if self.weight is None else self.weight * y

    def _convolved(self, p: Tensor) -> Tensor:
        """``[T, B, Q, C] -> [T, B, Q, C_out]``."""
        assert self.shortcut_conv is not None
        if self.shortcut == 'me_query_conv':
            return self.shortcut_conv(p.unsqueeze(-1)).squeeze(-1)
        return self.shortcut_conv(p.transpose(2, 3).unsqueeze(-1)).squeeze(-1).transpose(2, 3)

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Fold a factor of the spikes into the weight of the identity shortcut."""
        cast(Tensor, self.weight).mul_(factor)

    def fold_scales(self, steps: int) -> list[Folding]:
        """Fold the shortcut's weight into its convolution, and the sigmoid into thresholds."""
        done = []
        if self.weight is not None and self.shortcut_conv is not None:
            scale_output(self.shortcut_conv.conv, self.weight.detach())
            self.weight = None
            done.append(Folding('shortcut weight', ''))
        elif self.weight is not None and self.shortcut == 'membrane':
            reason = 'it multiplies a membrane, there is no layer to fold it into'
            done.append(Folding('shortcut weight', '', reason))
        if self.pre_act == 'sigmoid':
            done.append(self._fold_sigmoid(steps))
        return done

    def _fold_sigmoid(self, steps: int) -> Folding:
        try:
            neuron = after_sigmoid(self.in_neuron, steps)
            if self.shortcut_conv is not None:
                of_shortcut = cast(nn.Module, self.shortcut_conv.neuron)
                self.shortcut_conv.neuron = after_sigmoid(of_shortcut, steps)
        except Unfoldable as refused:
            return Folding('sigmoid', '', str(refused))
        self.in_neuron = neuron
        self.pre_act = None
        return Folding('sigmoid', '')
