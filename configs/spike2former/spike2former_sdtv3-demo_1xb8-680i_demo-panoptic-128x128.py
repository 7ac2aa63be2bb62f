_base_ = [
    '../_base_/models/spike2former_panoptic_small.py',
    '../_base_/datasets/demo_panoptic.py',
    '../_base_/schedules/spike2former_680i.py',
    '../_base_/mmdet_runtime.py',
]
# Panoptic segments and instances in minutes on two CPU cores.
model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
