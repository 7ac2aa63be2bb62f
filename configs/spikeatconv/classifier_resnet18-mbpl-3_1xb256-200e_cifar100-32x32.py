# Thresholds of 1, 2 and 4.
_base_ = './classifier_resnet18-relu_1xb256-200e_cifar100-32x32.py'
model = dict(backbone=dict(neuron_cfg=dict(type='MBPL', thresholds=[1.0, 2.0, 4.0])))
