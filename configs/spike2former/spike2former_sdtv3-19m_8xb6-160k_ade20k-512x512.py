_base_ = [
    '../_base_/models/spike2former_sdtv3.py',
    '../_base_/datasets/ade20k_512x512_short-edge.py',
    '../_base_/schedules/spike2former_160k.py',
    '../_base_/default_runtime.py',
]
# The matcher weighs classes twice, as in all files of this backbone.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(train_cfg=dict(assigner=dict(match_costs=_base_.match_costs_class_2x))),
)
train_dataloader = dict(batch_size=6)
