# PASCAL VOC 2012 with the SBD annotations for training: VOC's 1,464 images and 9,118 more.
_base_ = './voc2012_512x512.py'

dataset_train = _base_.train_dataloader.dataset
dataset_aug = dict(
    type=_base_.dataset_type,
    data_root=_base_.data_root,
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
    ann_file='ImageSets/Segmentation/aug.txt',
    pipeline=_base_.train_pipeline,
)
train_dataloader = dict(
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[dataset_train, dataset_aug])
)
