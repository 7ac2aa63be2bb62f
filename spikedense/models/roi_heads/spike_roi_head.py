"""mmdet's RoI heads on features with a time axis."""

from typing import Any

from mmdet.models.roi_heads import CascadeRoIHead, StandardRoIHead
from mmdet.models.roi_heads.base_roi_head import BaseRoIHead
from torch import Tensor, nn

from spikedense.registry import MODELS

from ..layers import with_time


class _TimeAxis(BaseRoIHead):
    """Adapter from features ``[T, B, ...]`` to ``[B, T, ...]``, because mmdet indexes images first.

    Assigners, samplers, losses and decoding are mmdet's. The box and mask heads average over time.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = type(self).__name__
        if self.with_shared_head:
            raise ValueError(f'{name}: shared_head is given, expected none: it has no time axis')
        if self.with_mask and self.share_roi_extractor:
            raise ValueError(
                f'{name}: mask_roi_extractor is missing, expected one besides bbox_roi_extractor'
            )
        for key, ours in (
            ('bbox_roi_extractor', 'SpikeRoIExtractor'),
            ('bbox_head', 'SpikeConvFCBBoxHead'),
            ('mask_roi_extractor', 'SpikeRoIExtractor'),
            ('mask_head', 'SpikeFCNMaskHead'),
        ):
            found = getattr(self, key, None)
            for part in found if isinstance(found, nn.ModuleList) else [found]:
                if type(part).__module__.startswith('mmdet.'):
                    raise ValueError(
                        f"{name}: {key} has type='{type(part).__name__}', expected "
                        f"'spikedense.{ours}' or another type with a time axis"
                    )

    def forward(self, x: tuple[Tensor, ...], *args: Any, **kwargs: Any) -> tuple:
        """Return raw outputs; ``x`` is ``[T, B, C, H_i, W_i]``, the rest as in mmdet."""
        return super().forward(_images_first(x), *args, **kwargs)

    def loss(self, x: tuple[Tensor, ...], *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Return the losses; ``x`` is ``[T, B, C, H_i, W_i]``, the rest as in mmdet."""
        return super().loss(_images_first(x), *args, **kwargs)

    def predict(self, x: tuple[Tensor, ...], *args: Any, **kwargs: Any) -> list:
        """Return the detections; ``x`` is ``[T, B, C, H_i, W_i]``, the rest as in mmdet."""
        return super().predict(_images_first(x), *args, **kwargs)


@MODELS.register_module()
class SpikeStandardRoIHead(_TimeAxis, StandardRoIHead):
    """mmdet's ``StandardRoIHead`` on features with a time axis (SpikeStandardRoIHead).

    Args:
        **kwargs: Arguments of mmdet's ``StandardRoIHead``. The extractors are
            :class:`SpikeRoIExtractor`.
    """

    def parts_of_rois(self) -> dict[str, nn.Module]:
        """Return the heads that read RoI features ``[T, N, C, h, w]``, each called once."""
        names = ('bbox_head', 'mask_head')
        return {name: getattr(self, name) for name in names if hasattr(self, name)}


@MODELS.register_module()
class SpikeCascadeRoIHead(_TimeAxis, CascadeRoIHead):
    """mmdet's ``CascadeRoIHead`` on features with a time axis (SpikeCascadeRoIHead).

    Args:
        **kwargs: Arguments of mmdet's ``CascadeRoIHead``. The extractors are
            :class:`SpikeRoIExtractor`.
    """


def _images_first(features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Turn ``[T, B, C, H_i, W_i]``, or ``[B, C, H_i, W_i]`` for T = 1, into ``[B, T, ...]``."""
    return tuple(with_time(x).transpose(0, 1) for x in features)
