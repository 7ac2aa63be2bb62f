# Semantic FPN on QKFormer HST-10-512 with LIF neurons, four time steps, on the maps of stride 4, 8 and 16.
_base_ = './spike_fpn.py'
lif = dict(type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    backbone=dict(
        type='spikedense.QKFormer',
        arch='10-512',
        T=4,
        neuron_cfg=lif,
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2),
    ),
    # A norm behind each convolution makes its bias superfluous.
    neck=dict(
        in_channels=[128, 256, 512],
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
