# A small Mask R-CNN on SEW-ResNet with IF neurons, four time steps.
_base_ = './mask_rcnn_lif_small.py'

neuron = dict(_delete_=True, type='IF', surrogate=dict(type='ATan', alpha=2.0))
model = dict(
    backbone=dict(
        type='spikedense.SEWResNet',
        arch=dict(depths=[1, 1, 1, 1], base_channels=24),
        neuron_cfg=neuron,
    ),
    neck=dict(in_channels=[24, 48, 96, 192], neuron_cfg=neuron),
    rpn_head=dict(neuron_cfg=neuron),
    roi_head=dict(bbox_head=dict(neuron_cfg=neuron), mask_head=dict(neuron_cfg=neuron)),
)
