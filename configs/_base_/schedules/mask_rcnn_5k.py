# For small sets: 5,000 batches of 4 are 154 passes over Penn-Fudan.
_base_ = './mask_rcnn_2400i.py'

optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=500),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=500, end=5000),
]
train_cfg = dict(max_iters=5000)
