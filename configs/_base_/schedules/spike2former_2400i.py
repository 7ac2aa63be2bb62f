# Spike2Former on CamVid within 45 minutes on two CPU cores.
_base_ = './spike2former_680i.py'
optim_wrapper = dict(optimizer=dict(lr=4e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=100),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=100, end=2400),
]
train_cfg = dict(max_iters=2400, val_interval=800)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=800))
