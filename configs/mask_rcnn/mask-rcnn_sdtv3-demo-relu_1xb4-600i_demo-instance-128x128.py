# The ANN twin: same graph, budget and seed, with ReLU in the place of every neuron.
_base_ = './mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'

relu = dict(_delete_=True, type='ReLU')
model = dict(
    backbone=dict(neuron_cfg=relu),
    neck=dict(neuron_cfg=relu),
    rpn_head=dict(neuron_cfg=relu),
    roi_head=dict(bbox_head=dict(neuron_cfg=relu), mask_head=dict(neuron_cfg=relu)),
)
