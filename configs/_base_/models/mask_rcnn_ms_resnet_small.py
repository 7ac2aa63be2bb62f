# A small Mask R-CNN on MS-ResNet with its own neurons, four time steps, for two CPU cores.
_base_ = './mask_rcnn_sew_resnet_small.py'

neuron = dict(_delete_=True, type='StrictLIF')
model = dict(
    backbone=dict(type='spikedense.MSResNet', neuron_cfg=neuron),
    neck=dict(neuron_cfg=neuron),
    rpn_head=dict(neuron_cfg=neuron),
    roi_head=dict(bbox_head=dict(neuron_cfg=neuron), mask_head=dict(neuron_cfg=neuron)),
)
