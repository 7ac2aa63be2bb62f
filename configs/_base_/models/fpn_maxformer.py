# Semantic FPN on Max-Former 10-384 with LIF neurons, four time steps.
_base_ = './fpn_three_scales.py'
model = dict(
    backbone=dict(type='spikedense.MaxFormer', arch='10-384'),
    neck=dict(in_channels=[96, 192, 384]),
)
