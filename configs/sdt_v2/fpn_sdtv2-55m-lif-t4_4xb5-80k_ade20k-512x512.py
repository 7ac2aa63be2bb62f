_base_ = [
    '../_base_/models/fpn_sdtv2.py',
    '../_base_/datasets/ade20k_512x512.py',
    '../_base_/schedules/schedule_80k-of-160k_neck-2x.py',
    '../_base_/default_runtime.py',
]
# Batch a GPU, fp16, weight decay, lr factors: the release's settings for T=4, as is stopping
# halfway down the 160k poly schedule. Widths: see the T=1 file.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='55M', T=4),
    neck=dict(in_channels=[64, 128, 256, 640], out_channels=256),
    decode_head=dict(in_channels=[256] * 4),
)
train_dataloader = dict(batch_size=5)
optim_wrapper = dict(type='AmpOptimWrapper')
