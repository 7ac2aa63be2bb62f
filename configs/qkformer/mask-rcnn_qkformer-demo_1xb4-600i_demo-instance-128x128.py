_base_ = [
    '../_base_/models/mask_rcnn_qkformer_small.py',
    '../_base_/datasets/demo_instance.py',
    '../_base_/schedules/mask_rcnn_600i.py',
    '../_base_/mmdet_runtime.py',
]
__classes = dict(num_classes=_base_.pop('num_classes'))
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    # Half of the library's anchor sizes, because shapes have 20 to 60 pixels.
    rpn_head=dict(anchor_generator=dict(scales=[4])),
    roi_head=dict(bbox_head=__classes, mask_head=__classes),
)
