# mmseg's Semantic FPN on Spike-driven Transformer V1 8-384.
_base_ = './fpn_ann_single_scale.py'
model = dict(backbone=dict(type='spikedense.SDTV1', arch='8-384'), neck=dict(in_channels=[384]))
