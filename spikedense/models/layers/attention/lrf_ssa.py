"""Self-attention with a local receptive field (LRF-SSA)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.neurons import rescaled_input
from spikedense.registry import MODELS
from spikedense.utils.answers import Folding, Unfoldable

from .heads import merge_heads, split_heads
from .lrf import LRF
from .memory import AttentionMemory, spike_bits
from .self_attention import SpikeSelfAttention

FUSIONS = ('add', 'convex')
LRF_SCALES = ('outside', 'inside')


@MODELS.register_module()
class LRFSelfAttention(SpikeSelfAttention):
    r"""LRF-SSA: self-attention plus depth-wise convolutions of the value.

    .. math::
        y = P_o\bigl(\mathrm{SN}(q (k^\top v) \cdot \mathrm{scale} + \mathrm{LRF}(v))\bigr)

    from "Neural Dynamics Self-Attention for Spiking Transformers" (ICLR 2026). The local term has
    all channels of the value. The presets of :class:`LRF` are our resolution of an open point:
    ``'counts'`` gives the published numbers of parameters, ``'text'`` is what the text says.

    Args:
        channels: Channels d of input and output.
        num_heads: Number of heads.
        lrf: Settings of the local term: ``preset`` (``'counts'`` or ``'text'``), ``init``
            (``'default'`` or ``'zero'``), ``dilations``, ``norm`` (True or False); None means no
            local term. With ``init='zero'`` the layer starts as plain self-attention.
        fusion: ``'add'``, or ``'convex'``: product and local term are weighted by ``1 - l`` and l;
            ``l = sigmoid(theta)`` is learned and starts at 0.5.
        lrf_scale: ``'outside'``, or ``'inside'``: the scale also multiplies the local term, in
            front of its norm.
        **kwargs: Those of :class:`SpikeSelfAttention`.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        lrf: dict[str, Any] | None = dict(preset='counts'),  # noqa: B006 (never changed)
        fusion: str = 'add',
        lrf_scale: str = 'outside',
        **kwargs: Any,
    ) -> None:
        super().__init__(channels, num_heads, **kwargs)
        for key, value, known in (
            ('fusion', fusion, FUSIONS),
            ('lrf_scale', lrf_scale, LRF_SCALES),
        ):
            if value not in known:
                raise ValueError(f'{key}={value!r}, expected one of {known}')
        self.local: LRF | None = None
        self.theta: nn.Parameter | None = None
        if lrf is None:
            for key, value, without in (
                ('fusion', fusion, 'add'),
                ('lrf_scale', lrf_scale, 'outside'),
            ):
                if value != without:
                    raise ValueError(f'{key}={value!r} beside lrf=None, expected a local term')
            return
        if not isinstance(lrf, Mapping):
            raise ValueError(f"lrf={lrf!r}, expected None or a dict such as dict(preset='counts')")
        if fusion == 'convex':
            if lrf.get('init') == 'zero':
                raise ValueError(
                    "lrf: init='zero' beside fusion='convex', expected init='default': the factor "
                    '1 - l of the product would remain'
                )
            self.theta = nn.Parameter(torch.zeros(()))
        width = channels * kwargs.get('value_ratio', 1)
        gain = self.product.scale if lrf_scale == 'inside' else 1.0
        if 'gain' in lrf:
            raise ValueError("lrf: there is no 'gain', expected preset, dilations, norm or init")
        self.local = LRF.from_settings(width, kwargs['norm_cfg'], gain=gain, **lrf)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        s = self.neuron(x)
        q, k = self.q_neuron(self.q_conv(s)), self.k_neuron(self.k_conv(s))
        v = self.v_neuron(self.v_conv(s))
        heads = (split_heads(y, self.num_heads) for y in (q, k, v))
        return self.out_proj(self._fused(merge_heads(self.product(*heads), like=x), v))

    def _fused(self, product: Tensor, v: Tensor) -> Tensor:
        """Add the local term of the values, ``[T, B, C_v, H, W]``, to the product."""
        if self.local is None:
            return product
        if self.theta is None:
            # What watches the product must not see the sum.
            watched = bool(self.product._forward_hooks)
            return product + self.local(v) if watched else self.local.add_to(product, v)
        local = self.local(v).to(product.dtype)
        return torch.lerp(product, local, torch.sigmoid(self.theta).to(product.dtype))

    out_layer = SpikeSelfAttention.out_layer

    def fold_scales(self, steps: int | None) -> list[Folding]:
        """Move the scale into thresholds, and the weights of a convex fusion into both terms."""
        try:
            self._fold_fusion()
            self._take(self.product.scale)
        except Unfoldable as refused:
            return [Folding('attention scale', '', str(refused))]
        self.product.scale = 1.0
        return [Folding('attention scale', '')]

    def _fold_fusion(self) -> None:
        if self.theta is None or self.local is None:
            return
        share = torch.sigmoid(self.theta).item()
        self.local.scale_output(share)
        self.product.scale *= 1 - share
        self.theta = None

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Take a factor on the product into the thresholds; the local term is divided by it."""
        self._take(factor)

    def _take(self, factor: float) -> None:
        neuron = rescaled_input(self.out_proj.neuron, factor)
        if self.local is not None:
            self.local.scale_output(1 / factor)
        self.out_proj.neuron = neuron

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: that of self-attention, and rows of the values."""
        plain = SpikeSelfAttention.attention_memory(self, height, width)
        neuron: Any = self.v_neuron
        return replace(plain, buffer=self._buffer(width, spike_bits(neuron.D)))

    def _buffer(self, width: int, bits: int) -> int:
        """Return the bits of the rows that the local term reads."""
        if self.local is None:
            return 0
        return self.local.line_buffer(width) * self.local.channels * bits

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        r"""Return a function that computes how much each token contributes to each query.

        The scores are :math:`\mathrm{scale} \cdot q k^\top` plus the absolute weights of the local
        term, averaged over the channels of a head.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.
        """
        plain = SpikeSelfAttention.token_scores(self, x)
        return lambda queries: self._with_local(plain(queries), queries, x)

    def _with_local(self, scores: Tensor, queries: slice, x: Tensor) -> Tensor:
        """Add the local weights to the scores of the product, ``[T*B, heads, n, N]``."""
        if self.local is None:
            return scores
        height, width = x.shape[-2:]
        local = self.local.scores(queries, height, width, self.num_heads).to(scores)
        if self.theta is None:
            return scores + local
        return torch.lerp(scores, local.expand_as(scores), torch.sigmoid(self.theta).to(scores))
