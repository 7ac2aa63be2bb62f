_base_ = './fpn_spikingresformer-s_4xb4-160k_ade20k-512x512.py'
model = dict(backbone=dict(arch='Ti'), neck=dict(in_channels=[64, 192, 384]))
