# The baseline of the paper: the neuron of a block is behind the residual sum.
_base_ = './fpn_sew-resnet-demo_1xb8-300i_demo-128x128.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SpikingResNet',
        arch=_base_.model.backbone.arch,
        T=4,
        neuron_cfg=_base_.neuron,
        norm_cfg=_base_.norm_cfg,
    ),
)
