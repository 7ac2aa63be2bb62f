_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/ade20k_640x640_short-edge.py',
    '../_base_/schedules/spike2former_160k.py',
    '../_base_/default_runtime.py',
]
# The released model with four steps.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(T=4),
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=12)
