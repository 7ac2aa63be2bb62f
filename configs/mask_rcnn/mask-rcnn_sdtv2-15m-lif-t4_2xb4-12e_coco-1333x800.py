_base_ = './mask-rcnn_sdtv2-15m-lif-t1_2xb4-12e_coco-1333x800.py'
model = dict(backbone=dict(T=4))
