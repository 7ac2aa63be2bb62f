_base_ = './fpn_sdtv2-55m-lif-t1_4xb2-80k_cityscapes-512x1024.py'
model = dict(backbone=dict(T=4))
