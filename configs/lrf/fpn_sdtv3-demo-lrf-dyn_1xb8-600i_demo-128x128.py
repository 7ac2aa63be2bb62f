# Both directions: in raster order a token does not see the tokens below it.
_base_ = '../sdt_v3/fpn_sdtv3-demo_1xb8-600i_demo-128x128.py'
model = dict(
    backbone=dict(attn_cfg=dict(type='spikedense.LRFDynamicAttention', scan='bidirectional'))
)
