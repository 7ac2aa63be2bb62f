# Semantic FPN on Max-Former 10-384 with LIF neurons, four time steps, on the maps of stride 4, 8 and 16.
_base_ = './spike_fpn.py'
lif = dict(type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    backbone=dict(
        type='spikedense.MaxFormer', arch='10-384', T=4, neuron_cfg=lif, norm_cfg=_base_.norm_cfg
    ),
    neck=dict(
        in_channels=[96, 192, 384],
        num_outs=3,
        neuron_cfg=dict(_delete_=True, **lif),
        bias=False,
    ),
    decode_head=dict(
        in_channels=[128] * 3,
        in_index=[0, 1, 2],
        feature_strides=[4, 8, 16],
        neuron_cfg=dict(_delete_=True, **lif),
    ),
)
