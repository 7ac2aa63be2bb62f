# The ANN twin, with ReLU in the place of the neurons.
_base_ = [
    '../_base_/models/classifier_resnet18_spk.py',
    '../_base_/datasets/camvid_patches_32x32.py',
    '../_base_/schedules/classifier_1200i.py',
    '../_base_/mmpretrain_runtime.py',
]
# A quarter of the width of ResNet-18.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(base_channels=16), neuron_cfg=dict(type='ReLU')),
    head=dict(in_channels=128, num_classes=_base_.pop('num_classes')),
)
log_processor = dict(by_epoch=False)
