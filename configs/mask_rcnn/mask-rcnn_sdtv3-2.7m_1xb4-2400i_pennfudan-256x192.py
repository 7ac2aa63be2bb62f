_base_ = [
    '../_base_/models/mask_rcnn_small.py',
    '../_base_/datasets/pennfudan_256x192.py',
    '../_base_/schedules/mask_rcnn_2400i.py',
    '../_base_/mmdet_runtime.py',
]
# From scratch on 130 images, sized for two CPU cores.
__classes = dict(num_classes=_base_.pop('num_classes'))
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    roi_head=dict(bbox_head=__classes, mask_head=__classes),
)
