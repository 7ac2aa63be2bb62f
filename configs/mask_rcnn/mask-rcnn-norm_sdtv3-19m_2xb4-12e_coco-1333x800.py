# Our choice, against neurons that fall silent: norms in neck, box and mask head (not in the proposal
# head, one convolution for levels of different statistics), membrane shortcuts in the mask head, and a
# neuron in front of the box predictors, so that every layer is fed by spikes.
_base_ = './mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'

norm_cfg = _base_.norm_cfg
model = dict(
    neck=dict(norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_head=dict(norm_cfg=norm_cfg, spike_before_predictor=True),
        mask_head=dict(norm_cfg=norm_cfg, residual=True),
    ),
)
