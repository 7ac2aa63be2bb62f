_base_ = [
    '../_base_/models/spike2former_instance_small.py',
    '../_base_/datasets/demo_instance.py',
    '../_base_/schedules/spike2former_680i.py',
    '../_base_/mmdet_runtime.py',
]
model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
