_base_ = [
    '../_base_/models/fpn_sdtv2.py',
    '../_base_/datasets/ade20k_512x512.py',
    '../_base_/schedules/schedule_160k.py',
    '../_base_/default_runtime.py',
]
# Batch a GPU, fp32, only the head's lr doubled: the release's settings for T=1. Neck 256, head 128
# wide, which gives the published 58.9 M parameters (the release's file sets both to 256).
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='55M'),
    neck=dict(in_channels=[64, 128, 256, 640], out_channels=256),
    decode_head=dict(in_channels=[256] * 4),
)
train_dataloader = dict(batch_size=5)
