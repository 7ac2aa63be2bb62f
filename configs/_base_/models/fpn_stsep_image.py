# Semantic FPN on the image network of STSepResNet-18: spatial branches alone, one time step.
_base_ = './spike_fpn.py'
neuron = dict(type='LIF', decay_input=False)
model = dict(
    backbone=dict(
        type='spikedense.STSepResNet',
        arch=18,
        temporal_branch=None,
        T=1,
        neuron_cfg=neuron,
        norm_cfg=_base_.norm_cfg,
    ),
    # A norm behind each convolution makes its bias superfluous.
    neck=dict(
        in_channels=[64, 128, 256, 512], neuron_cfg=dict(_delete_=True, **neuron), bias=False
    ),
    decode_head=dict(feature_strides=[4, 8, 16, 32], neuron_cfg=dict(_delete_=True, **neuron)),
)
