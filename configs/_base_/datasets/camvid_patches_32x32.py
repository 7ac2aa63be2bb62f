# Patches of CamVid of 32x32 pixels; the class is what the middle shows: `train/CLASS/*.png` and `test/CLASS/*.png`.
# Written by
#     spikedense make-patches fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180 data/camvid_patches --size 32
_base_ = './demo_patches_64x64.py'
num_classes = 11
# In the order of the names of the folders, which numbers the classes.
__classes = ['bicyclist', 'building', 'car', 'fence', 'pavement', 'pedestrian']
__classes += ['pole', 'road', 'signsymbol', 'sky', 'tree']
__data = dict(
    data_root='{{$DATA_ROOT:data}}/camvid_patches',
    metainfo=dict(classes=__classes),
)
data_preprocessor = dict(num_classes=num_classes)
__resize = dict(type='Resize', scale=(32, 32))
train_pipeline = _base_.train_pipeline
train_pipeline[1] = __resize
test_pipeline = _base_.test_pipeline
test_pipeline[1] = __resize
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **__data))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **__data))
test_dataloader = val_dataloader
