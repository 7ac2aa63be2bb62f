_base_ = './classifier_sdtv2-31m-lif-t1_8xb128-200e_imagenet-224x224.py'
model = dict(backbone=dict(arch='55M'), head=dict(in_channels=640))
