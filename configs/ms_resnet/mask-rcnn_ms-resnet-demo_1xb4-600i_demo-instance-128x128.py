_base_ = '../sew_resnet/mask-rcnn_sew-resnet-demo_1xb4-600i_demo-instance-128x128.py'

neuron = dict(_delete_=True, type='StrictLIF')
model = dict(
    backbone=dict(type='spikedense.MSResNet', neuron_cfg=neuron),
    neck=dict(neuron_cfg=neuron),
    rpn_head=dict(neuron_cfg=neuron),
    roi_head=dict(bbox_head=dict(neuron_cfg=neuron), mask_head=dict(neuron_cfg=neuron)),
)
