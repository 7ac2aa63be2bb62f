# As released, to run its checkpoints. The declared strides of the last two levels are wrong (boxes and
# features of large objects differ by a factor of 2). Integers of neck and heads are not divided. The neck
# learns with 0..4 and predicts with 0..1. Training images are shrunk first.
_base_ = './mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'

strides = [4, 8, 16, 32, 64]
ilif = dict(_delete_=True, type='ILIF', D=4)
model = dict(
    neck=dict(neuron_cfg=ilif, legacy_eval_clamp=1),
    rpn_head=dict(neuron_cfg=ilif, anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        bbox_head=dict(neuron_cfg=ilif),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_head=dict(neuron_cfg=ilif),
    ),
)
shrink = dict(type='Resize', scale=(853, 512), keep_ratio=True)
load, jitter = _base_.load, _base_.jitter
pipeline = [*load[:2], shrink, load[2], *jitter, dict(type='PackDetInputs')]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
