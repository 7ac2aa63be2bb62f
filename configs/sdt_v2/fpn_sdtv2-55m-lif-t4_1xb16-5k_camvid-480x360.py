_base_ = './fpn_sdtv2-55m-lif-t1_1xb16-5k_camvid-480x360.py'
model = dict(backbone=dict(T=4))
