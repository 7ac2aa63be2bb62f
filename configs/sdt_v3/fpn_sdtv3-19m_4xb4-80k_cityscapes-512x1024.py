_base_ = [
    '../_base_/models/fpn_sdtv3.py',
    '../_base_/datasets/cityscapes_512x1024.py',
    '../_base_/schedules/schedule_80k.py',
    '../_base_/default_runtime.py',
]
# Our settings: none are published for Cityscapes.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=4)
