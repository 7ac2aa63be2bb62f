_base_ = '../sdt_v3/fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'
model = dict(
    backbone=dict(attn_cfg=dict(type='spikedense.LRFDynamicAttention', scan='bidirectional'))
)
