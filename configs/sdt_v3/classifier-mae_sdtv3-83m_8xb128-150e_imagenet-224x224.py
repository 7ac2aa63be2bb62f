_base_ = [
    '../_base_/models/classifier_sdtv3_83m.py',
    '../_base_/datasets/imagenet_224x224.py',
    '../_base_/schedules/imagenet_mae-finetune_150e.py',
    '../_base_/mmpretrain_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(drop_path_rate=0.1),
    head=dict(num_classes=_base_.pop('num_classes')),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]),
)
train_dataloader = dict(batch_size=128)
