# mmseg's Semantic FPN on Spikformer-8-512.
_base_ = './fpn_ann_single_scale.py'
model = dict(
    backbone=dict(type='spikedense.Spikformer', arch='8-512', out_indices=(0,)),
    neck=dict(in_channels=[512]),
)
