# 200 photographs that scikit-image ships, faces and others, enlarged from 25x25. Written by
#     spikedense make-patches faces data/faces
_base_ = './demo_patches_64x64.py'
data_root = '{{$DATA_ROOT:data}}/faces'
metainfo = dict(classes=['face', 'other'])
data_preprocessor = dict(num_classes=2)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='RandomCrop', crop_size=64, padding=4),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    dataset=dict(data_root=data_root, metainfo=metainfo, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(data_root=data_root, metainfo=metainfo, pipeline=test_pipeline))
test_dataloader = val_dataloader
