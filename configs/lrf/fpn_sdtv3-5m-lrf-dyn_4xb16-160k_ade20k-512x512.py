# A weight decay would pull the time constants of the dendrites down to 1.7 tokens, 1 + log 2.
_base_ = '../sdt_v3/fpn_sdtv3-5m_4xb16-160k_ade20k-512x512.py'
model = dict(backbone=dict(attn_cfg=dict(type='spikedense.LRFDynamicAttention', scan='raster')))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'attn.product': dict(decay_mult=0.0)}))
