_base_ = [
    '../_base_/models/fpn_spikeatconv.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/schedule_300i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=[16, 32, 64, 128], depths=[1, 1, 2, 1]),
        attn_cfg=dict(head_dim=16),
    ),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=32),
    decode_head=dict(in_channels=[32] * 4, channels=32, num_classes=_base_.pop('num_classes')),
)
