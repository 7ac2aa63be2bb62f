_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/cityscapes_512x1024_short-edge.py',
    '../_base_/schedules/spike2former_90k.py',
    '../_base_/default_runtime.py',
]
# The released model of four steps; encoder MLPs of 1024.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(T=4),
    decode_head=dict(num_classes=19),
)
train_dataloader = dict(batch_size=8)
