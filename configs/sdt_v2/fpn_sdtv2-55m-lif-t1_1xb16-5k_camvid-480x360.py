_base_ = [
    '../_base_/models/fpn_sdtv2_55m.py',
    '../_base_/datasets/camvid_480x360.py',
    '../_base_/schedules/schedule_5k.py',
    '../_base_/default_runtime.py',
]
# Our settings, as for the 15M net: none are published for CamVid.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=16)
