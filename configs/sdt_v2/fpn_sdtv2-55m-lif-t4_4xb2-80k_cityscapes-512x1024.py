_base_ = './fpn_sdtv2-15m-lif-t4_4xb2-80k_cityscapes-512x1024.py'
# Our settings, those of the 15M net: no published ones exist for Cityscapes.
model = dict(
    backbone=dict(arch='55M'),
    neck=dict(in_channels=[64, 128, 256, 640], out_channels=256),
    decode_head=dict(in_channels=[256] * 4),
)
