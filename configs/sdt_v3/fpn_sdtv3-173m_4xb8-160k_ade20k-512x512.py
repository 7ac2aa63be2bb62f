_base_ = './fpn_sdtv3-83m_4xb8-160k_ade20k-512x512.py'
model = dict(backbone=dict(arch='173M'), neck=dict(in_channels=[98, 196, 384, 768]))
