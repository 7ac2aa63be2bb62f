# RetinaNet on E-SpikeFormer 2.7M for two CPU cores: narrow, two convolutions a branch, one class.
_base_ = './retinanet_sdtv3.py'

width = 64
model = dict(
    backbone=dict(arch='2.7M'),
    neck=dict(in_channels=[48, 96, 128], out_channels=width, norm_cfg=_base_.norm_cfg),
    bbox_head=dict(
        in_channels=width,
        feat_channels=width,
        stacked_convs=2,
        # The levels share a branch but have different statistics, so no norm fits. Instead the branch
        # starts from weights with which the neurons fire.
        init_cfg=dict(
            type='Kaiming',
            layer='Conv2d',
            override=[
                dict(type='Normal', name='retina_cls', std=0.01, bias_prob=0.01),
                dict(type='Normal', name='retina_reg', std=0.01),
            ],
        ),
    ),
)
