_base_ = './fpn_sdtv2-15m-lif-t1_4xb8-40k_voc12aug-512x512.py'
# Settings of the 15M net; widths of neck and head as on ADE20K.
model = dict(
    backbone=dict(arch='55M'),
    neck=dict(in_channels=[64, 128, 256, 640], out_channels=256),
    decode_head=dict(in_channels=[256] * 4),
)
