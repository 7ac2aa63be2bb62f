_base_ = [
    '../_base_/models/retinanet_sdtv3.py',
    '../_base_/datasets/cityscapes_detection_2048x1024.py',
    '../_base_/schedules/mask_rcnn_8e.py',
    '../_base_/mmdet_epoch_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    bbox_head=dict(num_classes=_base_.pop('num_classes')),
)
