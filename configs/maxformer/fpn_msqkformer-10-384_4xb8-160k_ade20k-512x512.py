_base_ = './fpn_maxformer-10-384_4xb8-160k_ade20k-512x512.py'
model = dict(backbone=dict(type='spikedense.MSQKFormer'))
