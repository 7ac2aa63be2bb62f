_base_ = './classifier_sdtv3-5m_8xb256-200e_imagenet-224x224.py'
model = dict(backbone=dict(arch='19M'), head=dict(in_channels=360))
