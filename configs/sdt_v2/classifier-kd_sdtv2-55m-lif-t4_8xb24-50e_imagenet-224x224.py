_base_ = './classifier-kd_sdtv2-31m-lif-t4_8xb24-50e_imagenet-224x224.py'
model = dict(backbone=dict(arch='55M'), head=dict(in_channels=640))
