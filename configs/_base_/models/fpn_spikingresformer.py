# Semantic FPN on SpikingResformer-S with LIF neurons, four time steps; its strides are 4, 8 and 16.
_base_ = './spike_fpn.py'
neuron_cfg = dict(_delete_=True, type='LIF', surrogate=dict(type='ATan', alpha=2.0))
model = dict(
    backbone=dict(
        type='spikedense.SpikingResformer',
        arch='S',
        T=4,
        neuron_cfg=dict(type='LIF', surrogate=dict(type='ATan', alpha=2.0)),
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2),
    ),
    neck=dict(in_channels=[64, 256, 512], num_outs=3, neuron_cfg=neuron_cfg),
    decode_head=dict(
        in_channels=[128] * 3,
        in_index=[0, 1, 2],
        feature_strides=[4, 8, 16],
        neuron_cfg=neuron_cfg,
    ),
)
