_base_ = '../sdt_v3/fpn_sdtv3-5m_4xb16-160k_ade20k-512x512.py'
model = dict(backbone=dict(attn_cfg=dict(type='spikedense.LRFDynamicAttention', scan='raster')))
