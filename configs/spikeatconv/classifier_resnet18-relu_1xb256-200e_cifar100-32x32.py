# The ANN twin of the published comparison of SPK blocks, with ReLU in the place of the neurons.
_base_ = [
    '../_base_/models/classifier_resnet18_spk.py',
    '../_base_/datasets/cifar100_32x32.py',
    '../_base_/schedules/cifar100_200e.py',
    '../_base_/mmpretrain_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(neuron_cfg=dict(type='ReLU')),
    head=dict(num_classes=_base_.pop('num_classes')),
)
