# mmseg's own FPN and FPNHead (analog: ReLU, real values) on a spiking SDT-V3 backbone. The backbone
# averages its features over T, so that the neck reads ordinary [B, C, H, W] maps.
_base_ = './fpn_sdtv3.py'
model = dict(
    backbone=dict(out_time='mean'),
    neck=dict(
        _delete_=True,
        type='FPN',
        in_channels=[32, 64, 128, 360],
        out_channels=128,
        num_outs=4,
    ),
    decode_head=dict(
        _delete_=True,
        type='FPNHead',
        in_channels=[128, 128, 128, 128],
        in_index=[0, 1, 2, 3],
        feature_strides=[2, 4, 8, 16],
        channels=128,
        norm_cfg=dict(type='BN'),
        dropout_ratio=0.1,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
)
