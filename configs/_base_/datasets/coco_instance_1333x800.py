# COCO instances for Mask R-CNN, 12 passes. Half of the images get one of eleven sizes, the other half are
# cut first, as in DETR. Tests run at 1333x800. The release shrinks each image to 853x512 before, which
# looks like an accident and loses detail. This config does not shrink images; mask_rcnn-legacy does.
_base_ = ['mmdet::_base_/datasets/coco_instance.py', './mmdet_input.py']

data_root = '{{$DATA_ROOT:data}}/coco'
image_scale = (1333, 800)
load = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5),
]
sizes = dict(
    type='RandomChoiceResize',
    scales=[(side, 1333) for side in range(480, 801, 32)],
    keep_ratio=True,
)
cut = [
    dict(
        type='RandomChoiceResize', scales=[(400, 1333), (500, 1333), (600, 1333)], keep_ratio=True
    ),
    dict(
        type='RandomCrop',
        crop_type='absolute_range',
        crop_size=(384, 600),
        allow_negative_crop=True,
    ),
]
jitter = [dict(type='RandomChoice', transforms=[[sizes], [*cut, sizes]])]
train_pipeline = [*load, *jitter, dict(type='PackDetInputs')]
train_dataloader = dict(
    batch_size=4, num_workers=4, dataset=dict(data_root=data_root, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/annotations/instances_val2017.json')
test_evaluator = val_evaluator
