_base_ = [
    '../_base_/models/mask_rcnn_sdtv3.py',
    '../_base_/datasets/pennfudan_640x480.py',
    '../_base_/schedules/mask_rcnn_5k.py',
    '../_base_/mmdet_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='5M'),
    neck=dict(in_channels=[32, 64, 128, 192]),
    roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)),
)
