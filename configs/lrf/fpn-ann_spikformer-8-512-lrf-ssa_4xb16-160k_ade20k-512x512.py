_base_ = '../spikformer/fpn-ann_spikformer-8-512_4xb16-160k_ade20k-512x512.py'
model = dict(backbone=dict(attn_cfg=dict(type='spikedense.LRFSelfAttention')))
