_base_ = './fpn-ann_spikformer-8-512_4xb16-160k_ade20k-512x512.py'
model = dict(backbone=dict(arch='8-768'), neck=dict(in_channels=[768]))
