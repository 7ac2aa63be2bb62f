_base_ = [
    '../_base_/models/fpn_stsep_image.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/schedule_300i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(_delete_=True, depths=[1, 1, 1, 1], base_channels=22)),
    neck=dict(in_channels=[22, 44, 88, 176], out_channels=32),
    decode_head=dict(in_channels=[32] * 4, channels=32, num_classes=_base_.pop('num_classes')),
)
