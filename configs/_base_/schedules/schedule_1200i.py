# For two CPU cores: 1,200 batches, half an hour for a net of 3 M parameters. All else as in 160k.
_base_ = './schedule_160k.py'
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=50, end=1200),
]
train_cfg = dict(max_iters=1200, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=200))
