_base_ = '../qkformer/mask-rcnn_qkformer-demo_1xb4-600i_demo-instance-128x128.py'
model = dict(backbone=dict(type='spikedense.MaxFormer', arch=dict(depths=[1, 1, 4])))
