# For the demo set: minutes on two CPU cores.
_base_ = './mask_rcnn_2400i.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=50, end=600),
]
train_cfg = dict(max_iters=600, val_interval=300)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=300))
