# `make demo`: fewer iterations of the same model, for under four minutes on two CPU cores.
_base_ = './spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=20, end=260),
]
train_cfg = dict(max_iters=260, val_interval=260)
default_hooks = dict(checkpoint=dict(interval=260))
