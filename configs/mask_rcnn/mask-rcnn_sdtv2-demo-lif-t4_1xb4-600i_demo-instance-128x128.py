# LIF neurons over four time steps, on SDT-V2.
_base_ = './mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'

lif = dict(_delete_=True, type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    backbone=dict(type='spikedense.SDTV2', T=4, neuron_cfg=lif),
    neck=dict(neuron_cfg=lif),
    rpn_head=dict(neuron_cfg=lif),
    roi_head=dict(bbox_head=dict(neuron_cfg=lif), mask_head=dict(neuron_cfg=lif)),
)
