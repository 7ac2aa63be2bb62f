# COCO-Stuff 164k; label 255 of the converted files is void.
_base_ = './semantic_512x512.py'

dataset_type = 'COCOStuffDataset'
num_classes = 171
data_root = '{{$DATA_ROOT:data}}/coco_stuff164k'
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='images/train2017', seg_map_path='annotations/train2017'),
    )
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='images/val2017', seg_map_path='annotations/val2017'),
    )
)
test_dataloader = val_dataloader
