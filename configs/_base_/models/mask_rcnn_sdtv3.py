# Mask R-CNN on E-SpikeFormer (SDT-V3) 19M with NI-LIF neurons, T x D = 1 x 4. Anchors, assigners, samplers,
# losses and proposals are mmdet's. A neuron stands in front of every convolution and linear layer.
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

neuron_cfg = dict(type='NILIF', D=4)
norm_cfg = dict(type='BN')
# True strides of the four taps and of the extra level. Anchors have the sizes of strides 4 to 64.
strides = [4, 8, 16, 16, 32]
anchor_sizes = [4, 8, 16, 32, 64]
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SDTV3',
        arch='19M',
        T=1,
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        out_indices=(1, 2, 3, 4),
    ),
    # Neck and heads have no norms, as published. `norm_cfg` adds norms.
    neck=dict(
        _delete_=True,
        type='spikedense.SpikeFPN',
        in_channels=[64, 128, 256, 360],
        out_channels=256,
        num_outs=5,
        neuron_cfg=neuron_cfg,
    ),
    rpn_head=dict(
        type='spikedense.SpikeRPNHead',
        neuron_cfg=neuron_cfg,
        anchor_generator=dict(strides=strides, base_sizes=anchor_sizes),
    ),
    roi_head=dict(
        type='spikedense.SpikeStandardRoIHead',
        bbox_roi_extractor=dict(type='spikedense.SpikeRoIExtractor', featmap_strides=strides[:4]),
        bbox_head=dict(type='spikedense.SpikeConvFCBBoxHead', neuron_cfg=neuron_cfg),
        mask_roi_extractor=dict(type='spikedense.SpikeRoIExtractor', featmap_strides=strides[:4]),
        mask_head=dict(type='spikedense.SpikeFCNMaskHead', neuron_cfg=neuron_cfg),
    ),
)
