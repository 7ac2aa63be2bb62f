# Semantic FPN on MS-ResNet-18 with its own neurons, four time steps, on the maps of stride 4 to 32. The
# published classifier has six steps.
_base_ = './spike_fpn.py'
neuron = dict(type='StrictLIF')
model = dict(
    backbone=dict(
        type='spikedense.MSResNet', arch=18, T=4, neuron_cfg=neuron, norm_cfg=_base_.norm_cfg
    ),
    # A norm behind each convolution makes its bias superfluous.
    neck=dict(
        in_channels=[64, 128, 256, 512], neuron_cfg=dict(_delete_=True, **neuron), bias=False
    ),
    decode_head=dict(feature_strides=[4, 8, 16, 32], neuron_cfg=dict(_delete_=True, **neuron)),
)
