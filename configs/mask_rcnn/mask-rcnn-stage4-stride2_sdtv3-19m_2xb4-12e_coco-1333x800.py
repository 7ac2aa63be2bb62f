# The fourth tap has stride 32, as mmdet's anchors and RoIs expect. The weights are the same.
_base_ = './mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'

strides = [4, 8, 16, 32, 64]
model = dict(
    backbone=dict(stage4_stride=2),
    rpn_head=dict(anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
    ),
)
