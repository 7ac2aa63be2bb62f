_base_ = [
    '../_base_/models/classifier_stsep.py',
    '../_base_/datasets/ucf101_224x224.py',
    '../_base_/schedules/ucf101_50e.py',
    '../_base_/mmpretrain_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(T=_base_.pop('num_frames')),
    head=dict(num_classes=_base_.pop('num_classes')),
)
