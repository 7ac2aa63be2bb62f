_base_ = './fpn_sew-resnet18_4xb8-160k_ade20k-512x512.py'
model = dict(backbone=dict(arch=50), neck=dict(in_channels=[256, 512, 1024, 2048]))
