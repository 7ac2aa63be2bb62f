# Our choice, against neurons that fall silent: norms in neck, box and mask head, and membrane shortcuts in
# the mask head. The proposal head has no norms, because the levels share it but have different statistics.
# A neuron in front of the box predictors makes spikes feed every layer.
_base_ = './mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'

norm_cfg = _base_.norm_cfg
model = dict(
    neck=dict(norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_head=dict(norm_cfg=norm_cfg, spike_before_predictor=True),
        mask_head=dict(norm_cfg=norm_cfg, residual=True),
    ),
)
