# PASCAL VOC 2012, with the background as a class and the 1,464 training images of VOC itself.
_base_ = './semantic_512x512.py'

dataset_type = 'PascalVOCDataset'
num_classes = 21
data_root = '{{$DATA_ROOT:data}}/VOCdevkit/VOC2012'
__common = dict(
    type=dataset_type,
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
)
train_dataloader = dict(dataset=dict(ann_file='ImageSets/Segmentation/train.txt', **__common))
val_dataloader = dict(dataset=dict(ann_file='ImageSets/Segmentation/val.txt', **__common))
test_dataloader = val_dataloader
