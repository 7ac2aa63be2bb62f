# For the demo set, twice the budget of 300i.
_base_ = './schedule_300i.py'
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=20, end=600),
]
train_cfg = dict(max_iters=600, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=600))
