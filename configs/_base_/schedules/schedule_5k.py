# A short run for small sets (CamVid: 5,000 batches of 16 are 218 passes). The rest as in 160k.
_base_ = './schedule_160k.py'
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=250),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=250, end=5000),
]
train_cfg = dict(max_iters=5000, val_interval=500)
default_hooks = dict(checkpoint=dict(interval=500))
