_base_ = [
    '../_base_/models/spike2former_panoptic.py',
    '../_base_/datasets/cityscapes_instance_2048x1024.py',
    '../_base_/schedules/spike2former_90k.py',
    '../_base_/mmdet_runtime.py',
]
# Our choice: the paper has no instance segmentation.
__classes = dict(num_things_classes=_base_.pop('num_classes'), num_stuff_classes=0)
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    panoptic_head=__classes,
    panoptic_fusion_head=__classes,
    test_cfg=dict(panoptic_on=False),
)
train_dataloader = dict(sampler=dict(type='InfiniteSampler'))
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
