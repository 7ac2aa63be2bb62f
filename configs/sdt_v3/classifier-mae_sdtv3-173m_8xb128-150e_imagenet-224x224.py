_base_ = './classifier-mae_sdtv3-83m_8xb128-150e_imagenet-224x224.py'
model = dict(backbone=dict(arch='173M'), head=dict(in_channels=768))
