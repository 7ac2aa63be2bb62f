_base_ = './fpn_sdtv2-demo-lif-t4_1xb8-300i_demo-128x128.py'
model = dict(backbone=dict(T=1))
