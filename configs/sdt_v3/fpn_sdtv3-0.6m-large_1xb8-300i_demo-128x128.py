_base_ = [
    '../_base_/models/fpn_sdtv3_large.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/schedule_300i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores. Without pre-training, scales that start at 1e-6 would only slow it.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        arch='0.6M',
        layer_scale=None,
    ),
    neck=dict(in_channels=[8, 16, 32, 96], out_channels=32),
    decode_head=dict(in_channels=[32] * 4, channels=32, num_classes=_base_.pop('num_classes')),
)
