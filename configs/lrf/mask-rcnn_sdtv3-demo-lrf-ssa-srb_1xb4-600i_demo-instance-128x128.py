_base_ = '../mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'
model = dict(
    backbone=dict(
        attn_cfg=dict(type='spikedense.LRFSelfAttention'),
        channel_mixer=[dict(type='spikedense.SRB')] * 3 + [{}] * 2,
    ),
)
