_base_ = [
    '../_base_/models/retinanet_small.py',
    '../_base_/datasets/demo_instance.py',
    '../_base_/schedules/mask_rcnn_600i.py',
    '../_base_/mmdet_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=[16, 32, 64, 96], depths=[1, 1, 1, 2, 1], num_heads=4)
    ),
    neck=dict(in_channels=[32, 64, 96]),
    bbox_head=dict(num_classes=6),
)

val_evaluator = dict(metric='bbox')
test_evaluator = val_evaluator
