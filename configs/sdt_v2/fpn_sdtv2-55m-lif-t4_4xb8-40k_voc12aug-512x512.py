_base_ = './fpn_sdtv2-55m-lif-t1_4xb8-40k_voc12aug-512x512.py'
model = dict(backbone=dict(T=4))
