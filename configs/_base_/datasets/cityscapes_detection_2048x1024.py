# Cityscapes instances as boxes: each image eight times an epoch, as in mmdet.
_base_ = ['mmdet::_base_/datasets/cityscapes_detection.py', './mmdet_input.py']

num_classes = 8
data_root = '{{$DATA_ROOT:data}}/cityscapes'
image_scale = (2048, 1024)
data_preprocessor = dict(pad_mask=False)
train_dataloader = dict(dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/annotations/instancesonly_filtered_gtFine_val.json')
test_evaluator = val_evaluator
