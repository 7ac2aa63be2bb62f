# Masked auto-encoders on ImageNet-1k: 200 epochs, 20 of them warm-up. The rate is 1.5e-4 for each 256 images of a
# batch. The optimizer is that of MAE. There is no validation.
_base_ = './imagenet_200e.py'
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1.2e-3, betas=(0.9, 0.95), weight_decay=0.05)
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=20,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=0.0,
        by_epoch=True,
        begin=20,
        end=200,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(_delete_=True, by_epoch=True, max_epochs=200)
val_cfg = None
test_cfg = None
default_hooks = dict(checkpoint=dict(save_best=None))
