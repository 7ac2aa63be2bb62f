"""The models of the GPU check, and what all of its checks read."""

from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config

from spikedense.utils.config_path import config_root

DEMO_FPN = 'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'
DEMO_SPIKE2FORMER = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
DEMO_MASK_RCNN = 'mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'
#: Models that are compared with the CPU: in full, and for --dry.
MODELS = {
    'SDT V2 with LIF': (
        'sdt_v2/fpn_sdtv2-15m-lif-t1_4xb8-160k_ade20k-512x512.py',
        'sdt_v2/fpn_sdtv2-demo-lif-t4_1xb8-300i_demo-128x128.py',
    ),
    'SDT V3': ('sdt_v3/fpn_sdtv3-5m_4xb16-160k_ade20k-512x512.py', DEMO_FPN),
    'Spike2Former': (
        'spike2former/spike2former_sdtv3-5m_8xb6-160k_ade20k-512x512.py',
        DEMO_SPIKE2FORMER,
    ),
    'Mask R-CNN': ('mask_rcnn/mask-rcnn_sdtv3-5m_2xb4-12e_coco-1333x800.py', DEMO_MASK_RCNN),
}
#: Models that are timed, of the published sizes, and for --dry.
BENCHMARKED = {
    'SDT V2 15M': MODELS['SDT V2 with LIF'],
    'SDT V3 19M': ('sdt_v3/fpn_sdtv3-19m_4xb16-160k_ade20k-512x512.py', DEMO_FPN),
    'Spike2Former 19M': (
        'spike2former/spike2former_sdtv3-19m_8xb6-160k_ade20k-512x512.py',
        DEMO_SPIKE2FORMER,
    ),
}


@dataclass(frozen=True)
class Settings:
    """What all checks read: where to run, whether with small models, the folder of outputs."""

    device: torch.device
    dry: bool
    out: Path

    def config(self, name: str) -> Config:
        """Read the config of a model of `MODELS`, without official weights and random depth."""
        cfg = Config.fromfile(config_root() / MODELS[name][self.dry])
        cfg.model.backbone.init_cfg = None
        return cfg
