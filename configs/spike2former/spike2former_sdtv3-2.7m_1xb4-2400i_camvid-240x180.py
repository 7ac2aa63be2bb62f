_base_ = [
    '../_base_/models/spike2former_small.py',
    '../_base_/datasets/camvid_240x180.py',
    '../_base_/schedules/spike2former_2400i.py',
    '../_base_/default_runtime.py',
]
# The backbone and budget of the FPN net in configs/sdt_v3.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='2.7M'),
    decode_head=dict(in_channels=[12, 24, 48, 128], num_classes=11),
)
train_dataloader = dict(batch_size=4)
