# COCO-Stuff 10k; label 0 of the converted files is void.
_base_ = './semantic_512x512.py'

dataset_type = 'COCOStuffDataset'
num_classes = 171
data_root = '{{$DATA_ROOT:data}}/coco_stuff10k'
__common = dict(type=dataset_type, data_root=data_root, reduce_zero_label=True)
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img_path='images/train2014', seg_map_path='annotations/train2014'),
        **__common,
    )
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img_path='images/test2014', seg_map_path='annotations/test2014'),
        **__common,
    )
)
test_dataloader = val_dataloader
