_base_ = [
    '../_base_/models/retinanet_small.py',
    '../_base_/models/demo_arch.py',
    '../_base_/datasets/demo_instance.py',
    '../_base_/schedules/mask_rcnn_600i.py',
    '../_base_/mmdet_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(_delete_=True, **_base_.pop('demo_arch'))),
    neck=dict(in_channels=[32, 64, 96]),
    bbox_head=dict(num_classes=_base_.pop('num_classes')),
)
val_evaluator = dict(metric='bbox')
test_evaluator = val_evaluator
