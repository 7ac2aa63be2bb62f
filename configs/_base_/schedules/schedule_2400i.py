# For two CPU cores: 2,400 small batches, half an hour for a net of 3 M parameters. All parts have one
# learning rate, twice that of 160k, and a short warm-up, because the run is short.
_base_ = './schedule_160k.py'
optim_wrapper = dict(
    optimizer=dict(lr=2e-3), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0)))
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=100),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=100, end=2400),
]
train_cfg = dict(max_iters=2400, val_interval=300)
default_hooks = dict(checkpoint=dict(interval=300))
