# 50 epochs of 64 clips a batch, 5 of them warm-up; norms, biases and shares of branches do not decay.
_base_ = './imagenet_200e.py'
optim_wrapper = dict(
    type='AmpOptimWrapper',
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(custom_keys={'balance.theta': dict(decay_mult=0.0)}),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=True, begin=5, end=50),
]
train_cfg = dict(max_epochs=50)
auto_scale_lr = dict(base_batch_size=64)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=500))
