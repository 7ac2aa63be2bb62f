# 8 epochs for Cityscapes. An epoch has each image eight times.
_base_ = './mask_rcnn_12e.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1000),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=8, milestones=[7], gamma=0.1),
]
train_cfg = dict(max_epochs=8)
