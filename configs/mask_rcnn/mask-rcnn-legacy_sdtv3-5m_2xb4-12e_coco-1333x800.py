_base_ = './mask-rcnn-legacy_sdtv3-19m_2xb4-12e_coco-1333x800.py'
model = dict(backbone=dict(arch='5M'), neck=dict(in_channels=[32, 64, 128, 192]))
