# For the demo set: minutes on two CPU cores. Nothing is pretrained, so all parts have one rate.
_base_ = './spike2former_160k.py'
optim_wrapper = dict(
    optimizer=dict(lr=6e-3), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0)))
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=20, end=680),
]
train_cfg = dict(max_iters=680, val_interval=340)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=680))
