# Spike2Former on MS-ResNet-18 with NI-LIF neurons, T x D = 1 x 4.
_base_ = './spike2former.py'
model = dict(
    backbone=dict(
        type='spikedense.MSResNet',
        arch=18,
        T=1,
        neuron_cfg=_base_.neuron_cfg,
        norm_cfg=_base_.norm_cfg,
    ),
    decode_head=dict(in_channels=[64, 128, 256, 512]),
)
