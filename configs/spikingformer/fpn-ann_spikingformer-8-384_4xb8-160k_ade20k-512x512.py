_base_ = '../sdt_v1/fpn-ann_sdtv1-8-384_4xb8-160k_ade20k-512x512.py'
model = dict(backbone=dict(type='spikedense.Spikingformer'))
