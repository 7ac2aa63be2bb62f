# Patches of CamVid of 32x32 pixels; the class is what the middle shows: `train/CLASS/*.png` and `test/CLASS/*.png`.
data_root = '{{$DATA_ROOT:data}}/camvid_patches'
num_classes = 11
# In the order of the names of the folders, which numbers the classes.
__classes = ['bicyclist', 'building', 'car', 'fence', 'pavement', 'pedestrian']
__classes += ['pole', 'road', 'signsymbol', 'sky', 'tree']
data_preprocessor = dict(
    type='ClsDataPreprocessor',
    num_classes=num_classes,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(32, 32)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(32, 32)),
    dict(type='PackInputs'),
]
__common = dict(type='CustomDataset', data_root=data_root, metainfo=dict(classes=__classes))
train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(data_prefix='train', pipeline=train_pipeline, **__common),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data_prefix='test', pipeline=test_pipeline, **__common),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
