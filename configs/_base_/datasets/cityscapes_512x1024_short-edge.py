# Cityscapes for Spike2Former: sixteen lengths of the shorter side, from half to twice 1024.
_base_ = './cityscapes_512x1024.py'

data_preprocessor = dict(test_cfg=dict(size_divisor=32))
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(
        type='RandomChoiceResize',
        scales=[int(1024 * factor / 10) for factor in range(5, 21)],
        resize_type='ResizeShortestEdge',
        max_size=4096,
    ),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
