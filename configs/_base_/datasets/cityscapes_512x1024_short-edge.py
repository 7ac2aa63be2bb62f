# Cityscapes as Spike2Former trains on it: sixteen lengths of the shorter side, from half to twice 1024.
_base_ = './cityscapes_512x1024.py'

crop_size = (512, 1024)
data_preprocessor = dict(size=crop_size, test_cfg=dict(size_divisor=32))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(
        type='RandomChoiceResize',
        scales=[int(1024 * factor / 10) for factor in range(5, 21)],
        resize_type='ResizeShortestEdge',
        max_size=4096,
    ),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
