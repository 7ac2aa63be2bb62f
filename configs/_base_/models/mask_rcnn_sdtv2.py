# Mask R-CNN on Meta-SpikeFormer (SDT-V2) 15M with LIF neurons, one time step.
_base_ = './mask_rcnn_sdtv3.py'

neuron_cfg = dict(_delete_=True, type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    backbone=dict(type='spikedense.SDTV2', arch='15M', neuron_cfg=neuron_cfg),
    neck=dict(neuron_cfg=neuron_cfg),
    rpn_head=dict(neuron_cfg=neuron_cfg),
    roi_head=dict(bbox_head=dict(neuron_cfg=neuron_cfg), mask_head=dict(neuron_cfg=neuron_cfg)),
)
