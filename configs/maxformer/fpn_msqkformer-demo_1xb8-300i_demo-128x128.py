_base_ = './fpn_maxformer-demo_1xb8-300i_demo-128x128.py'
model = dict(backbone=dict(type='spikedense.MSQKFormer'))
