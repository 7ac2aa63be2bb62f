_base_ = [
    '../_base_/models/retinanet_small.py',
    '../_base_/datasets/pennfudan_256x192.py',
    '../_base_/schedules/mask_rcnn_2400i.py',
    '../_base_/mmdet_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    bbox_head=dict(num_classes=_base_.pop('num_classes')),
)
val_evaluator = dict(metric='bbox')
test_evaluator = val_evaluator
