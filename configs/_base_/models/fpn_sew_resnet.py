# Semantic FPN on SEW-ResNet-18 with IF neurons, four time steps, on the maps of stride 4 to 32.
_base_ = './spike_fpn.py'
neuron = dict(type='IF', surrogate=dict(type='ATan', alpha=2.0))
model = dict(
    backbone=dict(
        type='spikedense.SEWResNet',
        arch=18,
        cnf='ADD',
        T=4,
        neuron_cfg=neuron,
        norm_cfg=_base_.norm_cfg,
    ),
    # A norm behind each convolution makes its bias superfluous.
    neck=dict(
        in_channels=[64, 128, 256, 512], neuron_cfg=dict(_delete_=True, **neuron), bias=False
    ),
    decode_head=dict(feature_strides=[4, 8, 16, 32], neuron_cfg=dict(_delete_=True, **neuron)),
)
