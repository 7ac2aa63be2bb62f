# ADE20K scene parsing; label 0 of the files ("other") is void.
_base_ = './semantic_512x512.py'

dataset_type = 'ADE20KDataset'
num_classes = 150
data_root = '{{$DATA_ROOT:data}}/ade/ADEChallengeData2016'
__common = dict(type=dataset_type, data_root=data_root, reduce_zero_label=True)
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
        **__common,
    )
)
val_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
        **__common,
    )
)
test_dataloader = val_dataloader
