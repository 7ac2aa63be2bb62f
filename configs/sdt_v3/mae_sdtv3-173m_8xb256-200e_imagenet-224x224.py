# The stem of the released auto-encoder has a width of 192, that of the released classifier 196. Here both have 196.
_base_ = './mae_sdtv3-83m_8xb256-200e_imagenet-224x224.py'
model = dict(backbone=dict(arch='173M'), neck=dict(in_channels=768))
