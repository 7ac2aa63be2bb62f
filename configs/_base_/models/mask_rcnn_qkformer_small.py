# A small Mask R-CNN on QKFormer with LIF neurons, four time steps, for two CPU cores. The backbone has maps of
# stride 4, 8 and 16. The levels of stride 32 and 64 are every second pixel of the neck's level before.
_base_ = './mask_rcnn_small.py'

lif = dict(type='LIF', tau=2.0, v_threshold=1.0)
neuron = dict(_delete_=True, **lif)
strides = [4, 8, 16, 32, 64]
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.QKFormer',
        arch=dict(embed_dims=[32, 64, 128], depths=[1, 2, 3], num_heads=4),
        T=4,
        neuron_cfg=lif,
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2),
    ),
    neck=dict(in_channels=[32, 64, 128], neuron_cfg=neuron),
    rpn_head=dict(neuron_cfg=neuron, anchor_generator=dict(strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        bbox_head=dict(neuron_cfg=neuron),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_head=dict(neuron_cfg=neuron),
    ),
)
