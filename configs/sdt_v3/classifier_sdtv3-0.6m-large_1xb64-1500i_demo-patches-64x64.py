_base_ = [
    '../_base_/models/classifier_sdtv3_small.py',
    '../_base_/datasets/demo_patches_64x64.py',
    '../_base_/schedules/classifier_1500i.py',
    '../_base_/mmpretrain_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    head=dict(num_classes=_base_.pop('num_classes')),
)
log_processor = dict(by_epoch=False)
