_base_ = './classifier_resnet18-relu_1xb256-200e_cifar100-32x32.py'
model = dict(backbone=dict(neuron_cfg=dict(type='SL')))
