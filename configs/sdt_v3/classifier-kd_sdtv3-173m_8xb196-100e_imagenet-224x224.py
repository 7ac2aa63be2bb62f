_base_ = './classifier-kd_sdtv3-83m_8xb196-100e_imagenet-224x224.py'
model = dict(backbone=dict(arch='173M'), head=dict(in_channels=768))
