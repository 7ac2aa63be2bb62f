_base_ = [
    '../_base_/models/mask_rcnn_sdtv2.py',
    '../_base_/datasets/cityscapes_instance_2048x1024.py',
    '../_base_/schedules/mask_rcnn_8e.py',
    '../_base_/mmdet_epoch_runtime.py',
]
__classes = dict(num_classes=_base_.pop('num_classes'))
heads = dict(bbox_head=__classes, mask_head=__classes)
model = dict(data_preprocessor=_base_.data_preprocessor, roi_head=heads)
