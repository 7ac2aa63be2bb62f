# COCO panoptic, for mmdet, with Mask2Former's augmentation: scaled by 0.1 to 2, cut or padded to 1024x1024.
_base_ = './mmdet_input.py'

dataset_type = 'CocoPanopticDataset'
data_root = '{{$DATA_ROOT:data}}/coco'
crop_size = (1024, 1024)
data_preprocessor = dict(
    pad_seg=True,
    seg_pad_value=255,
    batch_augments=[
        dict(
            type='BatchFixedSizePad', size=crop_size, pad_mask=True, pad_seg=True, seg_pad_value=255
        )
    ],
)
jitter = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.1, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, recompute_bbox=True, allow_negative_crop=True),
]
meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='spikedense.LoadPanopticAnnotations'),
    *jitter,
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='spikedense.LoadPanopticAnnotations'),
    dict(type='PackDetInputs', meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/panoptic_train2017.json',
        data_prefix=dict(img='train2017/', seg='annotations/panoptic_train2017/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/panoptic_val2017.json',
        data_prefix=dict(img='val2017/', seg='annotations/panoptic_val2017/'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
# PQ of all classes, and AP of the things.
val_evaluator = [
    dict(
        type='spikedense.PanopticMetric',
        ann_file=f'{data_root}/annotations/panoptic_val2017.json',
        seg_prefix=f'{data_root}/annotations/panoptic_val2017',
    ),
    dict(
        type='CocoMetric',
        ann_file=f'{data_root}/annotations/instances_val2017.json',
        metric=['bbox', 'segm'],
    ),
]
test_evaluator = val_evaluator
