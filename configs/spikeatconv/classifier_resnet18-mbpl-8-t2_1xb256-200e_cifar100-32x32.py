_base_ = './classifier_resnet18-mbpl-t2_1xb256-200e_cifar100-32x32.py'
model = dict(backbone=dict(neuron_cfg=dict(thresholds=[0.2, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])))
