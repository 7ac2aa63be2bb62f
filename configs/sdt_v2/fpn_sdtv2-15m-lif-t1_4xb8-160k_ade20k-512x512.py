_base_ = [
    '../_base_/models/fpn_sdtv2.py',
    '../_base_/datasets/ade20k_512x512.py',
    '../_base_/schedules/schedule_160k_neck-2x.py',
    '../_base_/default_runtime.py',
]
# Settings of the release for T=4 (batch a GPU, lr factors, fp16): none are published for T=1.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(type='AmpOptimWrapper')
