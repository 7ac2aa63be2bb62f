_base_ = [
    '../_base_/models/fpn_sdtv2_55m.py',
    '../_base_/datasets/ade20k_512x512.py',
    '../_base_/schedules/schedule_80k-of-160k_neck-2x.py',
    '../_base_/default_runtime.py',
]
# Settings of the release for T=4: batch a GPU, fp16, weight decay, lr factors. The release stops after
# half of the poly schedule of 160k, too.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(T=4),
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=5)
optim_wrapper = dict(type='AmpOptimWrapper')
