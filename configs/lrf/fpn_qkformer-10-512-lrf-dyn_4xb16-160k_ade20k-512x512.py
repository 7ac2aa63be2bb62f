# A weight decay would pull the time constants of the dendrites to 1. The first two
# stages have token attention, which has no value for a local term.
_base_ = '../qkformer/fpn_qkformer-10-512_4xb16-160k_ade20k-512x512.py'
local = dict(type='spikedense.LRFDynamicAttention', scan='raster')
model = dict(backbone=dict(attn_cfg=[dict(), dict(), local]))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'attn.product': dict(decay_mult=0.0)}))
