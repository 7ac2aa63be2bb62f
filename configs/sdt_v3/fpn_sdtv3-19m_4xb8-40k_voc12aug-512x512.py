_base_ = [
    '../_base_/models/fpn_sdtv3.py',
    '../_base_/datasets/voc2012aug_512x512.py',
    '../_base_/schedules/schedule_40k_voc.py',
    '../_base_/default_runtime.py',
]
# Settings of SDT-V2 on VOC: none are published for this backbone.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=8)
