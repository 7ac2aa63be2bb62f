# CIFAR-100: the files of the Python version, `cifar-100-python/train`, `test` and `meta`. Nothing is downloaded.
data_root = '{{$DATA_ROOT:data}}/cifar100'
num_classes = 100
# The images of the files are RGB already.
data_preprocessor = dict(
    type='ClsDataPreprocessor',
    num_classes=num_classes,
    mean=[129.304, 124.070, 112.434],
    std=[68.170, 65.392, 70.418],
    to_rgb=False,
)
# Of the shear, the paper states no range. Ours is that of RandAugment.
__random = dict(magnitude_level=10, magnitude_std='inf', prob=1.0, pad_val=(129, 124, 112))
train_pipeline = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='Rotate', magnitude_range=(0, 30), interpolation='bilinear', **__random),
    dict(type='Shear', magnitude_range=(0, 0.3), interpolation='bilinear', **__random),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='PackInputs')]
__common = dict(type='CIFAR100', data_root=data_root, download=False)
train_dataloader = dict(
    batch_size=256,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(split='train', pipeline=train_pipeline, **__common),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', pipeline=test_pipeline, **__common),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
