_base_ = [
    '../_base_/models/spike2former_sdtv3.py',
    '../_base_/datasets/voc2012_512x512.py',
    '../_base_/schedules/spike2former_120k.py',
    '../_base_/default_runtime.py',
]
# The matcher weighs classes twice, as in all files of this backbone.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(
        num_classes=21,
        train_cfg=dict(assigner=dict(match_costs=_base_.match_costs_class_2x)),
    ),
)
train_dataloader = dict(batch_size=8)
