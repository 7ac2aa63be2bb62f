_base_ = [
    '../_base_/models/mask_rcnn_sdtv3_5m.py',
    '../_base_/datasets/pennfudan_640x480.py',
    '../_base_/schedules/mask_rcnn_5k.py',
    '../_base_/mmdet_runtime.py',
]
__classes = dict(num_classes=_base_.pop('num_classes'))
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    roi_head=dict(bbox_head=__classes, mask_head=__classes),
)
