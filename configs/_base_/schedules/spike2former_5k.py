# Spike2Former on CamVid: 5,000 iterations. Nothing is pretrained, so all parts have one rate.
_base_ = './spike2former_160k.py'
optim_wrapper = dict(
    optimizer=dict(lr=1e-3), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0)))
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=250),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=250, end=5000),
]
train_cfg = dict(max_iters=5000, val_interval=1000)
