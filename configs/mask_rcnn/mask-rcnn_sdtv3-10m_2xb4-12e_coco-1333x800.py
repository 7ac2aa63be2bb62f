# The heads are narrower too: 192 channels, linear layers of 768.
_base_ = './mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'

model = dict(
    backbone=dict(arch='10M'),
    neck=dict(in_channels=[48, 96, 192, 240], out_channels=192),
    rpn_head=dict(in_channels=192, feat_channels=192),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=192),
        bbox_head=dict(in_channels=192, fc_out_channels=768),
        mask_roi_extractor=dict(out_channels=192),
        mask_head=dict(in_channels=192, conv_out_channels=192),
    ),
)
