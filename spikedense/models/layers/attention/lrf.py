"""The local term of the LRF attentions: depth-wise convolutions of the value."""

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.ops import add_dilated_sum_, dilated_sum, fold_conv_bn, guarded_norm
from spikedense.ops.eager import is_eager_cpu
from spikedense.utils.answers import Folding, Unfoldable, is_exactly

from ..folding import check_weighted, fold_norm, scale_output
from ..time import fold_time, unfold_time

#: Dilations of the kernels, and whether a norm follows. ``'counts'`` gives the published numbers of
#: parameters, ``'text'`` is what the text of the paper says.
PRESETS: dict[str, dict[str, Any]] = {
    'counts': dict(dilations=(1, 3, 5), norm=True),
    'text': dict(dilations=(3, 5), norm=False),
}
INITS = ('default', 'zero')


class LRF(BaseModule):
    r"""Local receptive field: a sum of dilated depth-wise 3x3 convolutions, with one norm or none.

    .. math::
        y = \mathrm{BN}\Bigl(g \sum_d \mathrm{DWConv}_d(v)\Bigr)

    Args:
        channels: Channels of input and output.
        dilations: Dilation of each kernel; the zero padding is the dilation.
        norm_cfg: The norm behind the sum; None means no norm.
        init: ``'default'`` draws the kernels (truncated normal of 0.02), the norm starts at 1.
            ``'zero'`` starts with an output of zero: norm or kernels are zero.
        gain: The factor g of the sum.
    """

    def __init__(
        self,
        channels: int,
        dilations: Sequence[int] = (1, 3, 5),
        norm_cfg: dict | None = None,
        init: str = 'default',
        gain: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        is_list = isinstance(dilations, list | tuple) and len(dilations) > 0
        if not is_list or any(not isinstance(d, int) or d < 1 for d in dilations):
            raise ValueError(
                f'lrf: dilations={dilations!r}, expected a list of integers of at least 1'
            )
        if init not in INITS:
            raise ValueError(f'lrf: init={init!r}, expected one of {INITS}')
        self.channels = channels
        self.init = init
        self.gain = gain
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=d, dilation=d, groups=channels, bias=False)
            for d in dilations
        )
        self.norm = None if norm_cfg is None else build_norm_layer(norm_cfg, channels)[1]
        self._draw()

    @classmethod
    def from_settings(
        cls,
        channels: int,
        norm_cfg: dict,
        preset: str = 'counts',
        *,
        gain: float = 1.0,
        **settings: Any,
    ) -> 'LRF':
        """Build the term from the settings of an attention.

        Args:
            channels: Channels of the term.
            norm_cfg: The norm, if there is one.
            preset: One of :data:`PRESETS`.
            gain: The factor of the sum.
            **settings: ``dilations`` and ``norm`` (a bool) replace those of the preset; ``init``
                is that of the class.

        Returns:
            The term.

        Raises:
            ValueError: A setting is not known.
        """
        if not isinstance(preset, str) or preset not in PRESETS:
            raise ValueError(f'lrf: preset={preset!r}, expected one of {tuple(PRESETS)}')
        unknown = sorted(set(settings) - {'dilations', 'norm', 'init'})
        if unknown:
            raise ValueError(
                f'lrf: there is no {unknown[0]!r}, expected preset, dilations, norm or init'
            )
        chosen = {**PRESETS[preset], **settings}
        with_norm = chosen.pop('norm')
        if not isinstance(with_norm, bool):
            raise ValueError(f'lrf: norm={with_norm!r}, expected True or False')
        return cls(channels, norm_cfg=norm_cfg if with_norm else None, gain=gain, **chosen)

    def init_weights(self) -> None:
        """Initialise the weights as the constructor does."""
        super().init_weights()
        self._draw()

    @torch.no_grad()
    def _draw(self) -> None:
        silent = self.init == 'zero'
        for conv in self.convs:
            nn.init.trunc_normal_(cast(Tensor, conv.weight), std=0.02)
            if silent and self.norm is None:
                nn.init.zeros_(cast(Tensor, conv.weight))
        if self.norm is not None:
            nn.init.constant_(self.norm.weight, 0.0 if silent else 1.0)
            nn.init.zeros_(self.norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        if self._is_foldable(x):
            return unfold_time(dilated_sum(fold_time(x), *self._folded()), x.size(0))
        y = self._sum(fold_time(x))
        if self.gain != 1:
            y = y * self.gain
        if self.norm is not None:
            y = guarded_norm(self.norm, y)
        return unfold_time(y, x.size(0))

    def add_to(self, product: Tensor, x: Tensor) -> Tensor:
        """Return ``product + self(x)``; in prediction on a CPU, in the memory of the product.

        Args:
            product: ``[T, B, C, H, W]``.
            x: ``[T, B, C, H, W]``.

        Returns:
            ``[T, B, C, H, W]``.
        """
        total = fold_time(product)
        if self._is_fast(x):  # a sum of two memory formats would take longer than a copy
            total = total.contiguous(memory_format=torch.channels_last)
        if not self._is_foldable(x) or product.dtype != x.dtype:
            return unfold_time(total, x.size(0)) + self(x)
        add_dilated_sum_(total, fold_time(x), *self._folded())
        return unfold_time(total, x.size(0))

    def _sum(self, x: Tensor) -> Tensor:
        convs: Any = self.convs
        if self._is_fast(x):
            return dilated_sum(x, [c.weight for c in convs], [c.dilation[0] for c in convs])
        total = convs[0](x)
        for conv in convs[1:]:
            total = total + conv(x)
        return total

    def _is_foldable(self, x: Tensor) -> bool:
        """Tell whether the norm can be computed as a factor of the kernels: in prediction."""
        norm: Any = self.norm
        return (
            not torch.is_grad_enabled()
            and is_exactly(norm, nn.BatchNorm2d, nn.SyncBatchNorm)
            and not norm.training
            and norm.running_mean is not None
            and not norm._forward_hooks
            and self._is_fast(x)
        )

    def _folded(self) -> tuple[list[Tensor], list[int], Tensor]:
        """Return kernels, dilations and bias of a sum that has the norm inside."""
        norm: Any = self.norm
        convs: Any = self.convs
        pairs = [fold_conv_bn(self.gain * conv.weight, None, norm) for conv in convs]
        return [weight for weight, _ in pairs], [c.dilation[0] for c in convs], pairs[0][1]

    def _is_fast(self, x: Tensor) -> bool:
        """Tell whether the fast sum on a CPU can be used: nothing watches or changes the parts."""
        return is_eager_cpu(x) and all(_is_plain(conv) for conv in self.convs)

    @property
    def reach(self) -> int:
        """Largest distance, along an axis, of a pixel that the term reads."""
        return max(_radius(conv) for conv in self.convs)

    @torch.no_grad()
    def kernel(self) -> Tensor:
        """Return the sum of the kernels as one kernel, with the factor of a norm in eval mode.

        Returns:
            ``[C, 1, 2 * reach + 1, 2 * reach + 1]``.

        Raises:
            ValueError: The norm has no running statistics.
        """
        reach = self.reach
        total: Any = 0
        for conv in self.convs:
            total = total + F.pad(_spread(conv), (reach - _radius(conv),) * 4)
        total = total * self.gain
        return total if self.norm is None else fold_conv_bn(total, None, self.norm)[0]

    def scores(self, queries: slice, height: int, width: int, num_heads: int) -> Tensor:
        """Return the absolute weights with which pixels enter others, averaged over a head.

        Args:
            queries: The n pixels that are entered, in raster order.
            height: Height of the map.
            width: Width of the map.
            num_heads: Number of heads.

        Returns:
            ``[heads, n, N]``.
        """
        kernel = self.kernel().abs().unflatten(0, (num_heads, -1)).mean((1, 2))
        places = torch.arange(height * width, device=kernel.device)
        rows, columns = places // width, places % width
        down = rows - rows[queries].unsqueeze(1) + self.reach  # [n, N]
        right = columns - columns[queries].unsqueeze(1) + self.reach
        last = 2 * self.reach
        seen = (down >= 0) & (down <= last) & (right >= 0) & (right <= last)
        return kernel[:, down.clamp(0, last), right.clamp(0, last)] * seen

    def line_buffer(self, width: int) -> int:
        """Return the number of pixels of one channel that are kept if pixels come row by row."""
        return 2 * self.reach * width + 2 * self.reach + 1

    def fold_norm(self) -> list[Folding]:
        """Fold the norm into the kernels; the first convolution takes the bias."""
        if self.norm is None:
            return []
        convs = self._checked()
        wide = nn.Conv2d(convs[0].in_channels, convs[0].out_channels, 1, groups=convs[0].groups)
        wide = wide.to(convs[0].weight)
        nn.init.constant_(wide.weight, self.gain)
        nn.init.zeros_(cast(Tensor, wide.bias))
        fold_norm(wide, self.norm)
        for conv in convs:
            scale_output(conv, wide.weight.flatten())
        convs[0].bias = wide.bias
        self.gain, self.norm = 1.0, None
        return [Folding('norm', '')]

    @torch.no_grad()
    def fold_layers(self) -> list[Folding]:
        """Merge the kernels of all dilations into one depth-wise kernel."""
        if len(self.convs) == 1:
            return []
        convs = self._checked()
        if self.norm is not None:
            raise Unfoldable('its norm could not be folded')
        channels, bias = convs[0].in_channels, convs[0].bias
        merged = nn.Conv2d(
            channels, channels, 2 * self.reach + 1, padding=self.reach, groups=channels, bias=False
        ).to(convs[0].weight)
        merged.weight.copy_(self.kernel())
        merged.bias = bias
        self.gain, self.convs = 1.0, nn.ModuleList([merged])
        return [Folding('dilated kernels', '')]

    def scale_output(self, factor: float) -> None:
        """Scale the output, by the kernels and the bias; they take the gain, too.

        Args:
            factor: The factor.

        Raises:
            Unfoldable: A norm follows, or a convolution is of another class.
        """
        if self.norm is not None:
            raise Unfoldable('the norm of its local term could not be folded')
        for conv in self._checked():
            scale_output(conv, self.gain * factor)
        self.gain = 1.0

    def _checked(self) -> list[Any]:
        for conv in self.convs:
            check_weighted(conv)
        return list(self.convs)


def _is_plain(conv: Any) -> bool:
    return (
        is_exactly(conv, nn.Conv2d)
        and conv.kernel_size == (3, 3)
        and conv.bias is None
        and not conv._forward_hooks
        and not conv._forward_pre_hooks
    )


def _radius(conv: Any) -> int:
    return conv.dilation[0] * (conv.kernel_size[0] // 2)


def _spread(conv: Any) -> Tensor:
    """Return the kernel of a dilated convolution with the zeros between the taps."""
    side, step = conv.kernel_size[0], conv.dilation[0]
    spread = conv.weight.new_zeros(*conv.weight.shape[:2], *[(side - 1) * step + 1] * 2)
    spread[..., ::step, ::step] = conv.weight
    return spread
