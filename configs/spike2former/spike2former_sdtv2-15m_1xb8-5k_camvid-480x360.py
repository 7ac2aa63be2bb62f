_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/camvid_480x360.py',
    '../_base_/schedules/spike2former_5k.py',
    '../_base_/default_runtime.py',
]
# Our settings: none are published for CamVid.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes'), num_queries=50),
)
train_dataloader = dict(batch_size=8)
