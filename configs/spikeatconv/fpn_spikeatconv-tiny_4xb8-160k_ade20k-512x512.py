_base_ = [
    '../_base_/models/fpn_spikeatconv.py',
    '../_base_/datasets/ade20k_512x512.py',
    '../_base_/schedules/schedule_160k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=8)
