# A classifier for two CPU cores: 1,500 batches. The rest as in 160k of Semantic FPN.
_base_ = './schedule_160k.py'
optim_wrapper = dict(
    optimizer=dict(lr=2e-3), paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.0)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=75),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=75, end=1500),
]
train_cfg = dict(max_iters=1500, val_interval=500)
default_hooks = dict(checkpoint=dict(interval=500))
