# The demo set with panoptic segments, for mmdet; see demo.py.
_base_ = './coco_panoptic_1024x1024.py'

dataset_type = 'spikedense.DemoPanopticDataset'
num_things = 6
num_stuff = 3
data_root = '{{$DEMO_ROOT:data/demo}}'
generator = dict(seed=0, size=(128, 128), num_train=200, num_val=50)
__common = dict(type=dataset_type, data_root=data_root, generator=generator)
crop_size = (128, 128)
data_preprocessor = dict(
    batch_augments=[
        dict(
            type='BatchFixedSizePad', size=crop_size, pad_mask=True, pad_seg=True, seg_pad_value=255
        )
    ]
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='spikedense.LoadPanopticAnnotations'),
    dict(type='RandomResize', scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, recompute_bbox=True, allow_negative_crop=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='spikedense.LoadPanopticAnnotations'),
    dict(type='PackDetInputs', meta_keys=_base_.meta_keys),
]
train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(img='images/train/', seg='annotations/panoptic_train/'),
        pipeline=train_pipeline,
        **__common,
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        ann_file='annotations/panoptic_val.json',
        data_prefix=dict(img='images/val/', seg='annotations/panoptic_val/'),
        pipeline=test_pipeline,
        **__common,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(
        type='spikedense.PanopticMetric',
        ann_file=f'{data_root}/annotations/panoptic_val.json',
        seg_prefix=f'{data_root}/annotations/panoptic_val',
    ),
    dict(
        type='CocoMetric',
        ann_file=f'{data_root}/annotations/instances_val.json',
        metric=['bbox', 'segm'],
    ),
]
test_evaluator = val_evaluator
