# Semantic FPN on SpikingResformer-S with its own LIF neurons, four time steps.
_base_ = './fpn_three_scales.py'
neuron_cfg = dict(_delete_=True, type='LIF', surrogate=dict(type='ATan', alpha=2.0))
model = dict(
    backbone=dict(
        type='spikedense.SpikingResformer', arch='S', neuron_cfg=neuron_cfg, out_indices=(0, 1, 2)
    ),
    neck=dict(in_channels=[64, 256, 512], neuron_cfg=neuron_cfg, bias=True),
    decode_head=dict(neuron_cfg=neuron_cfg),
)
