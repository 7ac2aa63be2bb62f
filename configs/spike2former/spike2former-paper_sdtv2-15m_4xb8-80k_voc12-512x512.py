_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/voc2012_512x512.py',
    '../_base_/schedules/spike2former_80k.py',
    '../_base_/default_runtime.py',
]
# Rate, batch and length of the paper. The released files have 1e-3, 64 and 120,000.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_dataloader = dict(batch_size=8)
