_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/voc2012_512x512.py',
    '../_base_/schedules/spike2former_80k.py',
    '../_base_/default_runtime.py',
]
# The released model with four steps. The rate is scaled with the batch. Loss and matcher give classes twice the weight.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(T=4),
    decode_head=dict(
        num_classes=_base_.pop('num_classes'),
        loss_cls=dict(loss_weight=2.0),
        train_cfg=dict(assigner=dict(match_costs=_base_.match_costs_class_2x)),
    ),
)
train_dataloader = dict(batch_size=4)
auto_scale_lr = dict(enable=True, base_batch_size=48)
