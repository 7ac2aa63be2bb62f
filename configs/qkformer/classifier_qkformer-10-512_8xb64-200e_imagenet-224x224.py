_base_ = './classifier_qkformer-10-384_8xb64-200e_imagenet-224x224.py'
model = dict(backbone=dict(arch='10-512'), head=dict(in_channels=512))
