# Semantic FPN on QKFormer HST-10-512 with LIF neurons, four time steps.
_base_ = './fpn_three_scales.py'
model = dict(
    backbone=dict(type='spikedense.QKFormer', arch='10-512', out_indices=(0, 1, 2)),
    neck=dict(in_channels=[128, 256, 512]),
)
