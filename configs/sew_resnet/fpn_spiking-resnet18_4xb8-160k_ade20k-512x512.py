# The baseline of the paper: the neuron of a block is behind the residual sum.
_base_ = './fpn_sew-resnet18_4xb8-160k_ade20k-512x512.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SpikingResNet',
        arch=18,
        T=4,
        neuron_cfg=_base_.neuron,
        norm_cfg=_base_.norm_cfg,
    ),
)
