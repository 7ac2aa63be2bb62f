# CamVid for two CPU cores: images at half their size (training: 0.5 to 0.75, crops of 240x180).
# Predictions are resized to 480x360 and compared at that size, as in the full-size config. There is no
# photometric distortion, because a short run cannot learn that colours do not matter.
_base_ = './camvid_480x360.py'

crop_size = (180, 240)
data_preprocessor = dict(size=crop_size)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(480, 360), ratio_range=(0.5, 0.75), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(240, 180), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
# Shares of the file's size, near the 0.5 of the test images.
img_ratios = [0.375, 0.5, 0.625]
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]['transforms'][0] = [
    dict(type='Resize', scale_factor=ratio, keep_ratio=True) for ratio in img_ratios
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
