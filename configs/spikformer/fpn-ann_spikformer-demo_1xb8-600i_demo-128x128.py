_base_ = [
    '../_base_/models/fpn_ann_spikformer.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/schedule_600i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        # The first layer of the stem does not pool: stride 8.
        arch=dict(_delete_=True, embed_dims=[128], depths=[4], num_heads=4, pooling_stat='0111'),
    ),
    neck=dict(in_channels=[128], out_channels=32, scales=[2, 1, 0.5, 0.25]),
    decode_head=dict(in_channels=[32] * 4, channels=32, num_classes=_base_.pop('num_classes')),
)
