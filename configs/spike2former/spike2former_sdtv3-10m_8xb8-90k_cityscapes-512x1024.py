_base_ = [
    '../_base_/models/spike2former_sdtv3_10m.py',
    '../_base_/datasets/cityscapes_512x1024_short-edge.py',
    '../_base_/schedules/spike2former_90k.py',
    '../_base_/default_runtime.py',
]
# Twice the rate, as in the released file of this backbone.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
