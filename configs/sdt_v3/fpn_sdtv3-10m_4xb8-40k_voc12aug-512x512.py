_base_ = [
    '../_base_/models/fpn_sdtv3.py',
    '../_base_/datasets/voc2012aug_512x512.py',
    '../_base_/schedules/schedule_40k_voc.py',
    '../_base_/default_runtime.py',
]
# No published settings for this backbone: those of SDT-V2 on VOC.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='10M'),
    neck=dict(in_channels=[24, 48, 96, 240]),
    decode_head=dict(num_classes=21),
)
train_dataloader = dict(batch_size=8)
