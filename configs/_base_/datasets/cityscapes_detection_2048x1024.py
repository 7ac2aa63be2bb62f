# Cityscapes instances as boxes, eight classes: each image eight times an epoch, as in mmdet.
_base_ = 'mmdet::_base_/datasets/cityscapes_detection.py'

data_root = '{{$DATA_ROOT:data}}/cityscapes'
image_scale = (2048, 1024)
data_preprocessor = dict(
    type='DetDataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_size_divisor=32,
)
train_dataloader = dict(dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/annotations/instancesonly_filtered_gtFine_val.json')
test_evaluator = val_evaluator
