# A masked auto-encoder for two CPU cores: 1,500 small batches. The rest as in 160k of Semantic FPN. There is no
# validation; pictures show what the net fills in.
_base_ = './schedule_160k.py'
optim_wrapper = dict(
    optimizer=dict(lr=2e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=75),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=75, end=1500),
]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=1500)
val_cfg = None
test_cfg = None
default_hooks = dict(checkpoint=dict(interval=500))
custom_hooks = [dict(type='spikedense.ReconstructionHook', interval=500)]
