_base_ = [
    '../_base_/models/spike2former_panoptic_small.py',
    '../_base_/datasets/demo_panoptic.py',
    '../_base_/schedules/spike2former_680i.py',
    '../_base_/mmdet_runtime.py',
]
# Panoptic segments and instances in minutes on two CPU cores.
__classes = dict(
    num_things_classes=_base_.pop('num_things'), num_stuff_classes=_base_.pop('num_stuff')
)
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    panoptic_head=__classes,
    panoptic_fusion_head=__classes,
)
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
