# The demo set: 128x128, generated from a seed and written to data/demo if it does not exist yet. The set
# is an output, so DATA_ROOT, which may be read-only, does not move it. DEMO_ROOT does.
_base_ = './semantic_512x512.py'

dataset_type = 'spikedense.DemoDataset'
num_classes = 9
data_root = '{{$DEMO_ROOT:data/demo}}'
# Training and validation share one folder, so both need the same parameters.
generator = dict(seed=0, size=(128, 128), num_train=200, num_val=50)
__common = dict(type=dataset_type, data_root=data_root, generator=generator)
crop_size = (128, 128)
data_preprocessor = dict(size=crop_size)
# No photometric distortion, because colour is a clue to the class. Little scaling, because the set is small.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        data_prefix=dict(img_path='images/train', seg_map_path='annotations/train'),
        pipeline=train_pipeline,
        **__common,
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        data_prefix=dict(img_path='images/val', seg_map_path='annotations/val'),
        pipeline=test_pipeline,
        **__common,
    ),
)
test_dataloader = val_dataloader
