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

    Time steps are images to it: step t of image b is number ``t * B + b``, and each RoI is read
    from every step. What is read are membrane potentials; interpolated spikes would be none.

    Args:
        **kwargs: those of mmdet's ``SingleRoIExtractor``.
    """

    no_nir = 'RoIAlign has no NIR node'

    def forward(
        self, feats: tuple[Tensor, ...], rois: Tensor, roi_scale_factor: float | None = None
    ) -> Tensor:
        """Reads the RoIs.

        Args:
            feats: maps, images first as mmdet indexes them, ``[B, T, C, H_i, W_i]``.
            rois: image number and corners in pixels of the image, ``[N, 5]``.
            roi_scale_factor: by what the boxes are enlarged.

        Returns:
            ``[T, N, C, h, w]``.
        """
        B, T = feats[0].shape[:2]
        steps = torch.arange(T, device=rois.device).repeat_interleave(len(rois))
        every = rois.repeat(T, 1)  # [T*N, 5]
        every[:, 0] += steps * B
        # mmcv's RoIAlign takes any memory on a CPU for a contiguous one: of a channels-last map it
        # would read other channels' values. And mmdet gives the RoIs the maps' precision: half of
        # it would move a box of a large image by pixels.
        maps = tuple(_precise(fold_time(x.transpose(0, 1))) for x in feats)  # [T*B, C, H, W]
        with torch.autocast(rois.device.type, enabled=False):
            read = super().forward(maps, every, roi_scale_factor)
        return unfold_time(read.to(feats[0].dtype), T)


def _precise(x: Tensor) -> Tensor:
    return (x.float() if x.dtype in HALF else x).contiguous()
