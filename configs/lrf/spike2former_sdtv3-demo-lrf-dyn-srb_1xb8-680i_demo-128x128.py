_base_ = '../spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
model = dict(
    backbone=dict(
        attn_cfg=dict(type='spikedense.LRFDynamicAttention', scan='bidirectional'),
        channel_mixer=[dict(type='spikedense.SRB')] * 3 + [{}] * 2,
    ),
)
