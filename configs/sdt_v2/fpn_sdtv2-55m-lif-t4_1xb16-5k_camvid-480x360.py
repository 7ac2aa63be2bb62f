_base_ = './fpn_sdtv2-15m-lif-t4_1xb16-5k_camvid-480x360.py'
# Our settings, those of the 15M net: no published ones exist for CamVid.
model = dict(
    backbone=dict(arch='55M'),
    neck=dict(in_channels=[64, 128, 256, 640], out_channels=256),
    decode_head=dict(in_channels=[256] * 4),
)
