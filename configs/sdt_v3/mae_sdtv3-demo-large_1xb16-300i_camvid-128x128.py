_base_ = [
    '../_base_/models/mae_sdtv3.py',
    '../_base_/datasets/camvid_mae_128x128.py',
    '../_base_/schedules/mae_300i.py',
    '../_base_/mmpretrain_runtime.py',
]
# Small enough for two CPU cores. The encoder is that of fpn_sdtv3-demo-large.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=[16, 32, 96], depths=[1, 1, 2, 2], num_heads=4)
    ),
    neck=dict(in_channels=96, num_patches=64, embed_dims=64, depth=2),
)
log_processor = dict(by_epoch=False)
