# ADE20K for Spike2Former: sixteen lengths of the shorter side, from half to twice 640.
_base_ = './ade20k_512x512.py'

crop_size = (640, 640)
data_preprocessor = dict(size=crop_size)
train_pipeline = [
    *_base_.short_edge_pipeline[:3],
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    *_base_.short_edge_pipeline[4:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
