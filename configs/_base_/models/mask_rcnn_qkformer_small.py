# A small Mask R-CNN on QKFormer with LIF neurons, four time steps. The backbone has no map of stride 32.
_base_ = './mask_rcnn_lif_small.py'
model = dict(
    backbone=dict(
        type='spikedense.QKFormer',
        arch=dict(embed_dims=[32, 64, 128], depths=[1, 2, 3], num_heads=4),
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2),
    ),
    neck=dict(in_channels=[32, 64, 128]),
)
