# Semantic FPN on the 83M model of E-SpikeFormer (SDT-V3) with NI-LIF neurons that round half up, T x D = 1 x 4.
_base_ = './spike_fpn.py'
neuron_cfg = dict(type='NILIF', D=4, rounding='half_up', window='open')
model = dict(
    backbone=dict(
        type='spikedense.SDTV3Large',
        arch='83M',
        T=1,
        neuron_cfg=neuron_cfg,
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2, 3),
    ),
    neck=dict(in_channels=[64, 128, 256, 512], neuron_cfg=neuron_cfg),
    decode_head=dict(neuron_cfg=neuron_cfg),
)
