_base_ = [
    '../_base_/models/classifier_stsep_image.py',
    '../_base_/datasets/imagenet_224x224.py',
    '../_base_/schedules/imagenet_200e.py',
    '../_base_/mmpretrain_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    head=dict(num_classes=_base_.pop('num_classes')),
)
