# Patches of 40x40 pixels of the demo set, enlarged; the class is what the middle shows. Larger patches show several
# objects, and the mean over a map does not know which of them is in the middle. Written by
#     spikedense make-patches fpn_sdtv3-demo_1xb8-300i_demo-128x128 data/demo_patches --size 40
__data_root = '{{$DATA_ROOT:data}}/demo_patches'
# In the order of the names of the folders, which numbers the classes.
__classes = ['circle', 'cross', 'ground', 'ring', 'sky', 'square', 'star', 'triangle', 'water']
num_classes = 9
data_preprocessor = dict(
    type='ClsDataPreprocessor',
    num_classes=num_classes,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='CustomDataset',
        data_root=__data_root,
        data_prefix='train',
        metainfo=dict(classes=__classes),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset',
        data_root=__data_root,
        data_prefix='test',
        metainfo=dict(classes=__classes),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
