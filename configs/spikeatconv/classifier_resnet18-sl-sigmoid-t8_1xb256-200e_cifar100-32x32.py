_base_ = './classifier_resnet18-sl-sigmoid_1xb256-200e_cifar100-32x32.py'
model = dict(backbone=dict(T=8))
