# A combination that no paper has: LRF-SSA in the transformer blocks, SRB in the convolution blocks.
_base_ = '../mask_rcnn/mask-rcnn_sdtv3-5m_2xb4-12e_coco-1333x800.py'
model = dict(
    backbone=dict(
        attn_cfg=dict(type='spikedense.LRFSelfAttention'),
        channel_mixer=[dict(type='spikedense.SRB')] * 3 + [{}] * 2,
    ),
)
