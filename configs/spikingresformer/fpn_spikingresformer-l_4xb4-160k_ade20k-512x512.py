_base_ = './fpn_spikingresformer-s_4xb4-160k_ade20k-512x512.py'
model = dict(backbone=dict(arch='L'), neck=dict(in_channels=[128, 512, 1024]))
