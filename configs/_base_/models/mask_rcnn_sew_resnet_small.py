# A small Mask R-CNN on SEW-ResNet with IF neurons, four time steps, for two CPU cores.
_base_ = './mask_rcnn_small.py'

neuron = dict(_delete_=True, type='IF', surrogate=dict(type='ATan', alpha=2.0))
strides = [4, 8, 16, 32, 64]
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SEWResNet',
        arch=dict(depths=[1, 1, 1, 1], base_channels=24),
        T=4,
        neuron_cfg=dict(type='IF', surrogate=dict(type='ATan', alpha=2.0)),
    ),
    neck=dict(in_channels=[24, 48, 96, 192], neuron_cfg=neuron),
    rpn_head=dict(neuron_cfg=neuron, anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        bbox_head=dict(neuron_cfg=neuron),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_head=dict(neuron_cfg=neuron),
    ),
)
