# Penn-Fudan pedestrians: 130 training images, 40 test images, persons only. No side is above 640.
_base_ = './instance_640x480.py'

data_root = '{{$DATA_ROOT:data}}/pennfudan'
metainfo = dict(classes=('person',), palette=[(220, 20, 60)])
num_classes = len(metainfo['classes'])
common = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img='images/'))
train_dataloader = dict(dataset=dict(ann_file='annotations/instances_train.json', **common))
val_dataloader = dict(dataset=dict(ann_file='annotations/instances_val.json', **common))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/annotations/instances_val.json')
test_evaluator = val_evaluator
