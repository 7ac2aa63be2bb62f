"""RoI features of all time steps at once (mmdet)."""

import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor

from spikedense.registry import MODELS

from ..layers import fold_time, unfold_time
from ..layers.time import HALF


@MODELS.register_module()
class SpikeRoIExtractor(SingleRoIExtractor):
    """mmdet's ``SingleRoIExtractor`` on maps with a time axis, in one call.

    Time steps are treated as images: step t of image b has the number ``t * B + b``, and each RoI
    is read from every step. The maps are membrane potentials, because interpolated spikes are not
    spikes.

    Args:
        **kwargs: Arguments of mmdet's ``SingleRoIExtractor``.
    """

    no_nir = 'RoIAlign has no NIR node'

    def forward(
        self, feats: tuple[Tensor, ...], rois: Tensor, roi_scale_factor: float | None = None
    ) -> Tensor:
        """Read the RoIs.

        Args:
            feats: Maps, images first as mmdet indexes them, ``[B, T, C, H_i, W_i]``.
            rois: Image number, and corners in pixels of the image, ``[N, 5]``.
            roi_scale_factor: Factor by which the boxes are enlarged; None keeps the boxes.

        Returns:
            ``[T, N, C, h, w]``.
        """
        B, T = feats[0].shape[:2]
        steps = torch.arange(T, device=rois.device).repeat_interleave(len(rois))
        every = rois.repeat(T, 1)  # [T*N, 5]
        every[:, 0] += steps * B
        # On a CPU, mmcv's RoIAlign assumes contiguous memory and reads wrong values from a
        # channels-last map. mmdet casts the RoIs to the precision of the maps, and half precision
        # would move a box of a large image by pixels.
        maps = tuple(_precise(fold_time(x.transpose(0, 1))) for x in feats)  # [T*B, C, H, W]
        with torch.autocast(rois.device.type, enabled=False):
            read = super().forward(maps, every, roi_scale_factor)
        return unfold_time(read.to(feats[0].dtype), T)


def _precise(x: Tensor) -> Tensor:
    return (x.float() if x.dtype in HALF else x).contiguous()
