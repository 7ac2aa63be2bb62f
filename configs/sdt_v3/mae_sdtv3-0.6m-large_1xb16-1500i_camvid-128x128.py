_base_ = [
    '../_base_/models/mae_sdtv3.py',
    '../_base_/datasets/camvid_mae_128x128.py',
    '../_base_/schedules/mae_1500i.py',
    '../_base_/mmpretrain_runtime.py',
]
# Small enough for two CPU cores. The encoder is that of fpn_sdtv3-0.6m-large.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='0.6M'),
    neck=dict(in_channels=96, num_patches=64, embed_dims=64, depth=2),
)
log_processor = dict(by_epoch=False)
