_base_ = '../sdt_v1/fpn-ann_sdtv1-demo_1xb8-300i_demo-128x128.py'
model = dict(backbone=dict(type='spikedense.Spikingformer'))
