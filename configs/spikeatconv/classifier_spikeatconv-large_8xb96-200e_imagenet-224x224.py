_base_ = './classifier_spikeatconv-tiny_8xb96-200e_imagenet-224x224.py'
model = dict(backbone=dict(arch='Large'), head=dict(in_channels=1280))
