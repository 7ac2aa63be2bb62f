"""A small segmentor of clips."""

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from spikedense.registry import MODELS

T = 3
SIZE = (32, 48)
NUM_CLASSES = 4
NORM = dict(mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0], bgr_to_rgb=True)


def clip_segmentor(label_frames: str = 'key', **changes: Any) -> Any:
    """Build an mmseg segmentor of clips of T frames, with Semantic FPN.

    Args:
        label_frames: Whether the clip has a prediction, or each frame.
        **changes: Changes of the backbone's config.
    """
    neuron = dict(type='LIF', v_threshold=0.1)
    out_time = 'frames' if label_frames == 'all' else 'last'
    backbone = dict(
        type='spikedense.SDTV2',
        arch=dict(embed_dims=(8, 8, 12, 16), depths=(1,) * 5, num_heads=2),
        neuron_cfg=neuron,
        T=T,
        clips=True,
        out_time=out_time,
    )
    head = dict(
        type='spikedense.SpikeFPNHead',
        in_channels=[8] * 4,
        in_index=[0, 1, 2, 3],
        feature_strides=[2, 4, 8, 16],
        channels=8,
        num_classes=NUM_CLASSES,
        neuron_cfg=neuron,
        norm_cfg=dict(type='BN'),
        align_corners=False,
    )
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='mmseg.EncoderDecoder',
            data_preprocessor=dict(
                type='spikedense.ClipSegDataPreprocessor',
                num_frames=T,
                label_frames=label_frames,
                size=SIZE,
                **NORM,
            ),
            backbone={**backbone, **changes},
            neck=dict(
                type='spikedense.SpikeFPN',
                in_channels=[4, 8, 8, 16],
                out_channels=8,
                num_outs=4,
                neuron_cfg=neuron,
            ),
            decode_head=head,
            test_cfg=dict(mode='whole'),
        )
    ).eval()


def clip_batch(label_frames: str = 'key', batch: int = 2, frames: int = T) -> dict[str, Any]:
    """Make a batch of random clips, as a loader gives it."""
    maps = frames if label_frames == 'all' else 1
    samples = []
    for index in range(batch):
        meta = dict(img_shape=SIZE, ori_shape=SIZE, img_path=f'{index}.jpg')
        sample = SegDataSample(metainfo=meta)
        sample.gt_sem_seg = PixelData(data=torch.randint(NUM_CLASSES, (maps, *SIZE)))
        samples.append(sample)
    clips = [torch.randint(256, (3 * frames, *SIZE), dtype=torch.uint8) for _ in range(batch)]
    return dict(inputs=clips, data_samples=samples)
