# Spike2Former on SpikeAtConv Tiny: MBPL neurons (integers 0..4) in the backbone, NI-LIF neurons (D=4) in the head.
_base_ = './spike2former.py'
model = dict(
    backbone=dict(
        type='spikedense.SpikeAtConv',
        arch='Tiny',
        T=1,
        neuron_cfg=dict(type='MBPL', thresholds=[0.2, 1.0, 2.0, 4.0]),
        norm_cfg=_base_.norm_cfg,
    ),
    decode_head=dict(in_channels=[64, 128, 256, 512]),
)
