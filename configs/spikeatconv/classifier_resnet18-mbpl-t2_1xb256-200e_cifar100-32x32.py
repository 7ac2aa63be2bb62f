_base_ = './classifier_resnet18-mbpl_1xb256-200e_cifar100-32x32.py'
model = dict(backbone=dict(T=2))
