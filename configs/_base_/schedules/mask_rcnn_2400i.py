# For small sets and two CPU cores, from scratch: a higher rate, gradients clipped, decay to 0.
_base_ = './mask_rcnn_12e.py'

optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=0.02),
    # If no norm follows, the bias decides whether a silent neuron ever fires. So biases do not decay.
    paramwise_cfg=dict(bias_decay_mult=0.0),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=100),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=100, end=2400),
]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2400, val_interval=800)
default_hooks = dict(logger=dict(log_metric_by_epoch=False), checkpoint=dict(interval=800))
auto_scale_lr = dict(base_batch_size=4)
