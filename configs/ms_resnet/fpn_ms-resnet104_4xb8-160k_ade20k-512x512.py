_base_ = './fpn_ms-resnet18_4xb8-160k_ade20k-512x512.py'
model = dict(backbone=dict(arch=104))
