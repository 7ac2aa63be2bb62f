# The base of the comparisons in configs/st_erf and configs/lrf: twice the budget of the 300i config.
_base_ = './fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=20, end=600),
]
train_cfg = dict(max_iters=600, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=600))
