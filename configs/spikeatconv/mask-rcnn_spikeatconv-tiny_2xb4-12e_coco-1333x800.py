_base_ = [
    '../_base_/models/mask_rcnn_spikeatconv.py',
    '../_base_/datasets/coco_instance_1333x800.py',
    '../_base_/schedules/mask_rcnn_12e.py',
    '../_base_/mmdet_epoch_runtime.py',
]
model = dict(data_preprocessor=_base_.data_preprocessor)
