# Fine-tuning of a masked auto-encoder on ImageNet-1k: 150 epochs, 10 of them warm-up. The rate is 6e-4 for each 256
# images of a batch, and each layer has 0.75 of the rate of the next one. The optimizer is that of MAE.
_base_ = './imagenet_200e.py'
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2.4e-3, weight_decay=0.05),
    constructor='LearningRateDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.75),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=True, begin=10, end=150),
]
train_cfg = dict(max_epochs=150)
auto_scale_lr = dict(base_batch_size=1024)
custom_hooks = [dict(type='EMAHook', momentum=4e-5)]
