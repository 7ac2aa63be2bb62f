"""State dicts with the keys of official checkpoints, put together from the golden cases."""

from pathlib import Path

import torch
from golden import Golden
from torch import Tensor

#: Part of an official model -> a golden case that has its keys.
OFFICIAL = {
    'Semantic FPN': {
        'backbone.': 'sdtv3_5M_T1',
        'neck.': 'qfpn_sdt3',
        'decode_head.': 'qfpn_head_sdt3',
    },
    'Semantic FPN, LIF': {
        'backbone.': 'sdtv2_lif_dense_15M_T4',
        'neck.': 'fpn_snn_T4',
        'decode_head.': 'fpn_head_snn_T4',
    },
    'Spike2Former': {'backbone.': 'sdtv2_nilif_15M_T1', 'decode_head.': 's2f_maskformer_head'},
    'Mask R-CNN': {
        'backbone.': 'sdeformer_det_5M',
        'neck.': 'spike_fpn',
        'rpn_head.': 'spike_rpn_head_convs1',
        'roi_head.bbox_head.': 'spike_bbox_head',
        'roi_head.mask_head.': 'spike_fcn_mask_head',
    },
    'classifier': {'': 'sdtv2_lif_cls_15M_kd_T2'},
    'large classifier': {'': 'sdtv3_large_narrow_base_kd_T2'},
    'masked auto-encoder': {'': 'sdtv3_mae_narrow'},
    'SpikingResformer classifier': {'': 'spikingresformer_narrow_T4_B2'},
}


def official_state(name: str, reference_dir: Path) -> dict[str, Tensor]:
    """Make a state dict of zeros with official keys.

    Args:
        name: A key of ``OFFICIAL``.
        reference_dir: Folder of the golden cases.

    Returns:
        The state dict.
    """
    return {
        prefix + key: torch.zeros(shape)
        for prefix, case in OFFICIAL[name].items()
        for key, shape in Golden(reference_dir / f'{case}.json').keys.items()
    }
