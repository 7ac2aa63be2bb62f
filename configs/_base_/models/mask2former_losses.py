# Losses and matching of Mask2Former, on sampled points, for use in model configs.
loss_cls = dict(type='mmdet.CrossEntropyLoss', use_sigmoid=False, loss_weight=2.0)
loss_mask = dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True, loss_weight=5.0)
loss_dice = dict(
    type='mmdet.DiceLoss',
    use_sigmoid=True,
    activate=True,
    naive_dice=True,
    eps=1.0,
    loss_weight=5.0,
)
point_matching = dict(
    num_points=12544,
    oversample_ratio=3.0,
    importance_sample_ratio=0.75,
    assigner=dict(
        type='mmdet.HungarianAssigner',
        match_costs=[
            dict(type='mmdet.ClassificationCost', weight=2.0),
            dict(type='mmdet.CrossEntropyLossCost', weight=5.0, use_sigmoid=True),
            dict(type='mmdet.DiceCost', weight=5.0, pred_act=True, eps=1.0),
        ],
    ),
    sampler=dict(type='mmdet.MaskPseudoSampler'),
)
