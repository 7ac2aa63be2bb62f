# A small Mask R-CNN with LIF neurons, four time steps, for two CPU cores, on maps of stride 4, 8, 16 and 32.
# Levels that a backbone lacks are every second pixel of the level before. A model config adds the backbone.
_base_ = './mask_rcnn_small.py'

__lif = dict(type='LIF', tau=2.0, v_threshold=1.0)
neuron = dict(_delete_=True, **__lif)
strides = [4, 8, 16, 32, 64]
model = dict(
    backbone=dict(_delete_=True, T=4, neuron_cfg=__lif),
    neck=dict(neuron_cfg=neuron),
    rpn_head=dict(neuron_cfg=neuron, anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        bbox_head=dict(neuron_cfg=neuron),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_head=dict(neuron_cfg=neuron),
    ),
)
