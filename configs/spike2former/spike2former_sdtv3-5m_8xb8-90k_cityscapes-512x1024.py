_base_ = [
    '../_base_/models/spike2former_sdtv3.py',
    '../_base_/datasets/cityscapes_512x1024_short-edge.py',
    '../_base_/schedules/spike2former_90k.py',
    '../_base_/default_runtime.py',
]
# Twice the rate, and the matcher weighs classes twice, as in the file of this backbone.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='5M'),
    decode_head=dict(
        in_channels=[16, 32, 64, 192],
        num_classes=19,
        train_cfg=dict(assigner=dict(match_costs=_base_.match_costs_class_2x)),
    ),
)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
