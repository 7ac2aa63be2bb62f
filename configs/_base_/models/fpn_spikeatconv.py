# Semantic FPN on SpikeAtConv Tiny with MBPL neurons (integers 0..4), one time step; strides 4, 8, 16 and 32.
_base_ = './spike_fpn.py'
mbpl = dict(type='MBPL', thresholds=[0.2, 1.0, 2.0, 4.0])
model = dict(
    backbone=dict(
        type='spikedense.SpikeAtConv',
        arch='Tiny',
        T=1,
        neuron_cfg=mbpl,
        norm_cfg=_base_.norm_cfg,
    ),
    neck=dict(in_channels=[64, 128, 256, 512], neuron_cfg=dict(_delete_=True, **mbpl), bias=False),
    decode_head=dict(feature_strides=[4, 8, 16, 32], neuron_cfg=dict(_delete_=True, **mbpl)),
)
