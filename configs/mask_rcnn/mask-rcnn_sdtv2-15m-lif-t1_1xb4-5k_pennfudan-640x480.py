_base_ = [
    '../_base_/models/mask_rcnn_sdtv2.py',
    '../_base_/datasets/pennfudan_640x480.py',
    '../_base_/schedules/mask_rcnn_5k.py',
    '../_base_/mmdet_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)),
)
