# Spike2Former's head with NI-LIF neurons, T x D = 1 x 4, on the taps of stride 2, 4, 8 and 16 of a 15M or
# 19M backbone. A model config adds the backbone.
neuron_cfg = dict(type='NILIF', D=4)
norm_cfg = dict(type='BN')
# Some released files use classification costs of twice this weight.
match_costs_class_2x = [
    dict(type='mmdet.ClassificationCost', weight=2.0),
    dict(type='mmdet.FocalLossCost', weight=20.0, binary_input=True),
    dict(type='mmdet.DiceCost', weight=1.0, pred_act=True, eps=1.0),
]
model = dict(
    type='EncoderDecoder',
    decode_head=dict(
        type='spikedense.Spike2FormerHead',
        in_channels=[32, 64, 128, 360],
        num_classes=150,  # replaced by the data set's number
        feat_channels=256,
        out_channels=256,
        num_queries=100,
        pixel_decoder=dict(
            type='spikedense.SDTEPixelDecoder',
            encoder=dict(type='SDTELayer', num_layers=6, mlp_ratio=4, attn_cfg=dict(num_groups=32)),
        ),
        transformer_decoder=dict(num_layers=6, num_heads=8, mlp_ratio=8),
        mask_embed=dict(shortcut='me_query_conv', scale=4.0),
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        masked_attention=False,
        legacy_layout=False,
        # MaskFormer's losses and costs, not the point-sampled ones of Mask2Former.
        loss_cls=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
        loss_mask=dict(
            type='mmdet.FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=20.0
        ),
        loss_dice=dict(
            type='mmdet.DiceLoss',
            use_sigmoid=True,
            activate=True,
            naive_dice=True,
            eps=1.0,
            loss_weight=1.0,
        ),
        train_cfg=dict(
            assigner=dict(
                type='mmdet.HungarianAssigner',
                match_costs=[
                    dict(type='mmdet.ClassificationCost', weight=1.0),
                    dict(type='mmdet.FocalLossCost', weight=20.0, binary_input=True),
                    dict(type='mmdet.DiceCost', weight=1.0, pred_act=True, eps=1.0),
                ],
            ),
            sampler=dict(type='mmdet.MaskPseudoSampler'),
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
