_base_ = [
    '../_base_/models/spike2former_instance_small.py',
    '../_base_/datasets/demo_instance.py',
    '../_base_/schedules/spike2former_680i.py',
    '../_base_/mmdet_runtime.py',
]
__classes = dict(num_things_classes=_base_.pop('num_classes'))
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    panoptic_head=__classes,
    panoptic_fusion_head=__classes,
)
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
