# Mask R-CNN on SpikeAtConv Tiny: MBPL neurons (integers 0..4) in the backbone, NI-LIF neurons (D=4) in the heads.
_base_ = './mask_rcnn_sdtv3.py'

strides = [4, 8, 16, 32, 64]
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SpikeAtConv',
        arch='Tiny',
        T=1,
        neuron_cfg=dict(type='MBPL', thresholds=[0.2, 1.0, 2.0, 4.0]),
        norm_cfg=_base_.norm_cfg,
    ),
    neck=dict(in_channels=[64, 128, 256, 512]),
    rpn_head=dict(anchor_generator=dict(strides=strides, base_sizes=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=strides[:4]),
        mask_roi_extractor=dict(featmap_strides=strides[:4]),
    ),
)
