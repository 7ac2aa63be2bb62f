_base_ = './mask-rcnn_sdtv2-15m-lif-t1_2xb4-12e_coco-1333x800.py'
model = dict(backbone=dict(arch='55M'), neck=dict(in_channels=[128, 256, 512, 640]))
