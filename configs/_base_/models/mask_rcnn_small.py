# Mask R-CNN on E-SpikeFormer 2.7M for two CPU cores: narrow heads, few proposals, one class. Norms and
# membrane shortcuts keep the neurons of the heads firing. Spikes feed the box predictors, too.
_base_ = './mask_rcnn_sdtv3.py'

width = 64
norm_cfg = _base_.norm_cfg
rpn_init = dict(
    type='Kaiming',
    layer='Conv2d',
    override=[dict(type='Normal', name=name, std=0.01) for name in ('rpn_cls', 'rpn_reg')],
)
rpn_proposal = dict(nms_pre=500, max_per_img=200)
model = dict(
    backbone=dict(arch='2.7M'),
    neck=dict(in_channels=[24, 48, 96, 128], out_channels=width, norm_cfg=norm_cfg),
    # The levels share a convolution but have different statistics, so a batch norm would fit no level.
    # Instead the convolution starts from weights with which the neurons fire.
    rpn_head=dict(in_channels=width, feat_channels=width, init_cfg=rpn_init),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=width),
        bbox_head=dict(
            in_channels=width,
            fc_out_channels=256,
            norm_cfg=norm_cfg,
            spike_before_predictor=True,
        ),
        mask_roi_extractor=dict(out_channels=width),
        mask_head=dict(
            in_channels=width,
            conv_out_channels=width,
            norm_cfg=norm_cfg,
            residual=True,
        ),
    ),
    train_cfg=dict(rpn_proposal=rpn_proposal, rcnn=dict(sampler=dict(num=128))),
    test_cfg=dict(rpn=rpn_proposal),
)
