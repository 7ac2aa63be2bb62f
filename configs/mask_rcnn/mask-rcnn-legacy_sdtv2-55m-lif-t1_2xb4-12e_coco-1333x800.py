# As released, to run its checkpoint: the declared strides of the last two levels are wrong.
_base_ = './mask-rcnn_sdtv2-55m-lif-t1_2xb4-12e_coco-1333x800.py'

strides = [4, 8, 16, 32, 64]
model = dict(
    rpn_head=dict(anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
    ),
)
