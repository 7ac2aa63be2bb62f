# Semantic FPN of mmseg on a spiking transformer with LIF neurons, four time steps, and one map of stride 16.
# mmseg's own MultiLevelNeck resizes the map to strides 4, 8, 16 and 32, and its own head reads these maps
# (analog: real values). The backbone averages its map over T. A model config adds the backbone and its width.
_base_ = './fpn_ann_sdtv3.py'
model = dict(
    backbone=dict(
        _delete_=True,
        T=4,
        neuron_cfg=dict(type='LIF', tau=2.0, v_threshold=1.0),
        norm_cfg=_base_.norm_cfg,
        out_time='mean',
    ),
    neck=dict(
        _delete_=True,
        type='MultiLevelNeck',
        out_channels=128,
        scales=[4, 2, 1, 0.5],
        norm_cfg=_base_.norm_cfg,
    ),
    decode_head=dict(feature_strides=[4, 8, 16, 32]),
)
