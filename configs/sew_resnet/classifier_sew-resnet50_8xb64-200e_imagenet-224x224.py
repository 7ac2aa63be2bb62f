_base_ = './classifier_sew-resnet34_8xb64-200e_imagenet-224x224.py'
model = dict(backbone=dict(arch=50), head=dict(in_channels=2048))
