# RetinaNet on E-SpikeFormer (SDT-V3) 19M with NI-LIF neurons, T x D = 1 x 4. The release declares strides
# 8 to 128 for levels of 4, 8, 16, 16 and 32. This config reads the taps of stride 8, 16 and 16, adds two levels
# behind the last tap, and declares the true strides. Anchors have the sizes of mmdet's.
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'

neuron_cfg = dict(type='NILIF', D=4)
norm_cfg = dict(type='BN')
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SDTV3',
        arch='19M',
        T=1,
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        out_indices=(2, 3, 4),
    ),
    neck=dict(
        _delete_=True,
        type='spikedense.SpikeFPN',
        in_channels=[128, 256, 360],
        out_channels=256,
        num_outs=5,
        add_extra_convs='on_input',
        neuron_cfg=neuron_cfg,
    ),
    bbox_head=dict(
        type='spikedense.SpikeRetinaHead',
        neuron_cfg=neuron_cfg,
        anchor_generator=dict(strides=[8, 16, 16, 32, 64], base_sizes=[8, 16, 32, 64, 128]),
    ),
)
