# Spike2Former on COCO: Mask2Former's 50 epochs, at the rate and with the warm-up of the semantic runs.
# The norms of the backbone decay, because mmengine does not apply `norm_decay_mult` to keys with a custom rule.
_base_ = './spike2former_160k.py'
optim_wrapper = dict(optimizer=dict(weight_decay=0.05), paramwise_cfg=dict(norm_decay_mult=0.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='MultiStepLR', by_epoch=False, milestones=[327778, 355092], gamma=0.1),
]
train_cfg = dict(max_iters=368750, val_interval=5000)
default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'))
