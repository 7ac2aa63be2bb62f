# A weight decay would pull the time constants of the dendrites to 1.
_base_ = '../spikformer/fpn-ann_spikformer-8-512_4xb16-160k_ade20k-512x512.py'
model = dict(backbone=dict(attn_cfg=dict(type='spikedense.LRFDynamicAttention', scan='raster')))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'attn.product': dict(decay_mult=0.0)}))
