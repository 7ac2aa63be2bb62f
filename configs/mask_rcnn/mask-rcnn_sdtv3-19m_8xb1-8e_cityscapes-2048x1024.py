_base_ = [
    '../_base_/models/mask_rcnn_sdtv3.py',
    '../_base_/datasets/cityscapes_instance_2048x1024.py',
    '../_base_/schedules/mask_rcnn_8e.py',
    '../_base_/mmdet_epoch_runtime.py',
]
heads = dict(bbox_head=dict(num_classes=8), mask_head=dict(num_classes=8))
model = dict(data_preprocessor=_base_.data_preprocessor, roi_head=heads)
