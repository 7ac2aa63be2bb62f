_base_ = './fpn_qkformer-10-512_4xb16-160k_ade20k-512x512.py'
model = dict(backbone=dict(arch='10-384'), neck=dict(in_channels=[96, 192, 384]))
