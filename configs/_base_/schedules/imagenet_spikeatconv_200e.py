# SpikeAtConv: 200 epochs, 10 of them warm-up. The paper states no mixed precision.
_base_ = './imagenet_200e.py'
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=0.1),
)
param_scheduler = _base_.param_scheduler
param_scheduler[0].end = param_scheduler[1].begin = 10
auto_scale_lr = dict(base_batch_size=768)
