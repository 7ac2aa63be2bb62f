_base_ = [
    '../_base_/models/spike2former_small.py',
    '../_base_/datasets/camvid_240x180.py',
    '../_base_/schedules/spike2former_2400i.py',
    '../_base_/default_runtime.py',
]
# The backbone and budget of the FPN net in configs/sdt_v3.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=4)
