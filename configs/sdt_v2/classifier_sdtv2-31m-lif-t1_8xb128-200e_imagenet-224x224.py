_base_ = [
    '../_base_/models/classifier_sdtv2.py',
    '../_base_/datasets/imagenet_224x224_resize-256.py',
    '../_base_/schedules/imagenet_sdtv2_200e.py',
    '../_base_/mmpretrain_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=128)
