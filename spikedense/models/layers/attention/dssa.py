"""The attention of SpikingResformer."""

from collections.abc import Callable
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron, rescaled_input
from spikedense.registry import MODELS
from spikedense.utils.answers import Folding, Unfoldable, is_exactly

from ..entry_neuron import entry_neuron
from ..folding import check_weighted, out_layer, scale_output
from ..running_rate import RunningRate
from ..spike_conv import SpikeConv
from ..spike_pool import SpikePad
from ..time import HALF, fold_time, unfold_time
from .heads import check_heads, merge_heads, split_heads
from .memory import REAL_BITS, AttentionMemory, spike_bits


class RealSpikeProduct(nn.Module):
    """The matrix product of real values and spikes: each spike adds up real values.

    Half-precision input is computed in float32, because a sum over N tokens can be too large.
    """

    no_nir = 'it multiplies spikes by real values of the input, NIR only spikes by weights'

    def forward(self, x: Tensor, spikes: Tensor) -> Tensor:
        """``[N, heads, m, k], [N, heads, k, n] -> [N, heads, m, n]``."""
        with torch.autocast(x.device.type, enabled=False):
            if x.dtype in HALF or spikes.dtype in HALF:
                x, spikes = x.float(), spikes.float()
            return x @ spikes


@MODELS.register_module()
class DualSpikeSelfAttention(BaseModule):
    r"""Dual spike self-attention (DSSA) of SpikingResformer (CVPR 2024): two products with spikes.

    .. math::
        s = \mathrm{SN}(x), \quad y_1, y_2 = \mathrm{BN}(\mathrm{Conv}_{p \times p}(s)), \quad
        a = \mathrm{SN}(c_1 \, y_1^\top s), \quad y = P_o(\mathrm{SN}(c_2 \, y_2 a))

    The convolution of stride p turns N tokens into :math:`M = \lceil H / p \rceil \lceil W / p
    \rceil`; a map that p does not divide is padded with zeros in front of it. The attention map a
    of :math:`M \times N` spikes has one column for each token. With running firing rates r of the
    heads (see :class:`RunningRate`), :math:`c_1 = (r_s \, d)^{-1/2}` for d channels of a head, and
    :math:`c_2 = (r_a M)^{-1/2}`. The published code takes M from the size of its training images;
    here it is that of the map.

    Args:
        channels: Channels C of input and output.
        num_heads: Number of heads; a head gets contiguous channels of s, and 2C / heads of the
            convolution's channels, y1 first.
        patch_size: Kernel size and stride p of the convolution.
        momentum: See :class:`RunningRate`.
        reads_spikes: Whether the input is spikes, as in :class:`SpikeSumBlock`; then there is no
            neuron at the entry.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        patch_size: int = 1,
        momentum: float = 0.999,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_heads(channels, num_heads)
        if type(patch_size) is not int or patch_size < 1:
            raise ValueError(f'patch_size={patch_size!r}, expected an integer of at least 1')
        if not isinstance(momentum, int | float) or not 0 <= momentum < 1:
            raise ValueError(f'momentum={momentum!r}, expected a number from 0 to below 1')
        self.channels = channels
        self.num_heads = num_heads
        self.patch_size = patch_size
        self.neuron: Any = entry_neuron(neuron_cfg, reads_spikes)
        self.pad = SpikePad(patch_size)
        self.reduce = SpikeConv(
            channels, 2 * channels, patch_size, patch_size, 0, bias=False, norm_cfg=norm_cfg
        )
        self.input_rate = RunningRate(num_heads, momentum)
        self.scores = RealSpikeProduct()
        self.attn_neuron: Any = build_neuron(neuron_cfg)
        self.attn_rate = RunningRate(num_heads, momentum)
        self.values = RealSpikeProduct()
        self.out_proj: Any = SpikeConv(
            channels, channels, bias=False, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg
        )
        #: Whether the factors that do not depend on the size of the map are in the weights.
        self.is_folded = False

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        keys, values, tokens = self._reduced(x)
        attention = self._attention(keys, tokens, len(x))
        self.attn_rate.measure(attention)
        factor: Any = values.size(-1) ** -0.5
        if not self.is_folded:
            factor = factor * self.attn_rate.factor()
        y = self.values((values * factor).to(values.dtype), attention)
        return self.out_proj(merge_heads(y, like=x))

    def _reduced(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return y1 times its factor, y2 and s: ``[T*B, heads, C/heads, M or N]``."""
        s = self.neuron(x)
        keys, values = split_heads(self.reduce(self.pad(s)), self.num_heads).chunk(2, 2)
        tokens = split_heads(s, self.num_heads)
        self.input_rate.measure(tokens)
        if not self.is_folded:
            factor = self.input_rate.factor() * keys.size(2) ** -0.5
            keys = (keys * factor).to(keys.dtype)
        return keys, values, tokens

    def _attention(self, keys: Tensor, tokens: Tensor, steps: int) -> Tensor:
        """Return the attention map, ``[T*B, heads, M, N]``."""
        scores = self.scores(keys.transpose(-2, -1), tokens)
        return fold_time(self.attn_neuron(unfold_time(scores, steps)))

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.out_proj)

    def fold_scales(self, steps: int | None) -> list[Folding]:
        """Fold the factors of both products, but that of M, into the convolution."""
        if self.is_folded:
            return []
        try:
            if not is_exactly(self.reduce, SpikeConv) or self.reduce.norm is not None:
                raise Unfoldable('the norm of its first convolution is not folded')
            check_weighted(self.reduce.conv)
            factors = [
                rate.factor().flatten() * size**-0.5
                for rate, size in (
                    (self.input_rate, self.channels // self.num_heads),
                    (self.attn_rate, 1),
                )
            ]
            by_channel = torch.stack(factors, 1).repeat_interleave(
                self.channels // self.num_heads, 1
            )
            scale_output(self.reduce.conv, by_channel.flatten())
        except Unfoldable as refused:
            return [Folding('attention scale', '', str(refused))]
        self.is_folded = True
        return [Folding('attention scale', '')]

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Fold a factor of the spikes of a product into the thresholds of the next neuron."""
        if child == 'scores':
            self.attn_neuron = rescaled_input(self.attn_neuron, factor)
            return
        if not is_exactly(self.out_proj, SpikeConv):
            raise Unfoldable(f'{type(self.out_proj).__name__} is no SpikeConv')
        self.out_proj.neuron = rescaled_input(self.out_proj.neuron, factor)

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: y1 and y2 of all reduced tokens, and the spikes s."""
        reduced = -(-height // self.patch_size) * -(-width // self.patch_size)
        # Without a neuron of its own, it does not know the largest integer of its input.
        bits = spike_bits(getattr(self.neuron, 'D', None))
        spikes = self.channels * height * width * bits
        return AttentionMemory(2 * self.channels * reduced * REAL_BITS, spikes, spikes)

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        r"""Return a function that computes how much each token contributes to each query.

        The scores are the spikes of the attention map a, the weights of the values. A value stands
        for a patch of :math:`p \times p` tokens, over which its spikes are spread evenly.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.
        """
        keys, _, tokens = self._reduced(x)
        height, width = x.shape[-2:]
        p = self.patch_size
        rows, columns = -(-height // p), -(-width // p)

        def scores(queries: slice) -> Tensor:
            attention = self._attention(keys, tokens[..., queries], len(x)).transpose(-2, -1)
            patches = attention.unflatten(-1, (rows, columns)) / p**2
            spread = patches.repeat_interleave(p, -2).repeat_interleave(p, -1)
            return spread[..., :height, :width].flatten(-2)

        return scores
