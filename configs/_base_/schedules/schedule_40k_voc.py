# SDT V2 15M on VOC: a second stage, to be started from the weights of an earlier run (load_from).
_base_ = './schedule_160k.py'
optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-7, by_epoch=False, begin=0, end=1000),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=1000, end=40000),
]
train_cfg = dict(max_iters=40000, val_interval=4000)
