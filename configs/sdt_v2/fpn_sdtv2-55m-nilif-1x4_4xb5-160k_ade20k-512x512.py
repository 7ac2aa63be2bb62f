_base_ = [
    '../_base_/models/fpn_sdtv2_nilif.py',
    '../_base_/datasets/ade20k_512x512.py',
    '../_base_/schedules/schedule_160k.py',
    '../_base_/default_runtime.py',
]
# NI-LIF has no published FPN run on this backbone: batch of the LIF one, the rest as for SDT-V3.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='55M'),
    neck=dict(in_channels=[64, 128, 256, 640], out_channels=256),
    decode_head=dict(in_channels=[256] * 4),
)
train_dataloader = dict(batch_size=5)
