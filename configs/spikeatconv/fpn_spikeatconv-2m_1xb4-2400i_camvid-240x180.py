# Data, budget and loss of the SDT-V3 config, and a backbone of 2.0 M weights.
_base_ = '../sdt_v3/fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'

mbpl = dict(type='MBPL', thresholds=[0.2, 1.0, 2.0, 4.0])
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SpikeAtConv',
        arch=dict(embed_dims=[24, 48, 96, 192], depths=[1, 2, 5, 1]),
        attn_cfg=dict(head_dim=24),
        neuron_cfg=mbpl,
    ),
    neck=dict(in_channels=[24, 48, 96, 192], neuron_cfg=dict(_delete_=True, **mbpl), bias=False),
    decode_head=dict(feature_strides=[4, 8, 16, 32], neuron_cfg=dict(_delete_=True, **mbpl)),
)
