_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/voc2012_512x512.py',
    '../_base_/schedules/spike2former_120k.py',
    '../_base_/default_runtime.py',
]
# Only VOC's own training set, 1,464 images, as in the released files.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=8)
