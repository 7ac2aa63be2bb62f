# Semantic FPN with LIF neurons, four time steps, on the maps of stride 4, 8 and 16. A model config adds the
# backbone and its widths.
_base_ = './spike_fpn.py'
__lif = dict(type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    backbone=dict(T=4, neuron_cfg=__lif, norm_cfg=_base_.norm_cfg),
    # A norm behind each convolution makes its bias superfluous.
    neck=dict(num_outs=3, neuron_cfg=dict(_delete_=True, **__lif), bias=False),
    decode_head=dict(
        in_channels=[128] * 3,
        in_index=[0, 1, 2],
        feature_strides=[4, 8, 16],
        neuron_cfg=dict(_delete_=True, **__lif),
    ),
)
