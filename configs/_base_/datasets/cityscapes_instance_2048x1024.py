# Cityscapes instances: each image eight times an epoch, as in mmdet. The annotations come from
# mmdet's tools/dataset_converters/cityscapes.py. Only COCO's AP is computed, because mmdet's
# CityScapesMetric needs cityscapesscripts.
_base_ = ['mmdet::_base_/datasets/cityscapes_instance.py', './mmdet_input.py']

num_classes = 8
data_root = '{{$DATA_ROOT:data}}/cityscapes'
image_scale = (2048, 1024)
train_dataloader = dict(dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
annotations = f'{data_root}/annotations/instancesonly_filtered_gtFine_val.json'
val_evaluator = dict(
    _delete_=True, type='CocoMetric', ann_file=annotations, metric=['bbox', 'segm']
)
test_evaluator = val_evaluator
