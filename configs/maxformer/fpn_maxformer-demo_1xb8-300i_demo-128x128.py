_base_ = [
    '../_base_/models/fpn_maxformer.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/schedule_300i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(_delete_=True, embed_dims=[24, 48, 96], depths=[1, 1, 4], num_heads=4)),
    neck=dict(in_channels=[24, 48, 96], out_channels=32),
    decode_head=dict(in_channels=[32] * 3, channels=32, num_classes=_base_.pop('num_classes')),
)
