_base_ = [
    '../_base_/models/fpn_sdtv2.py',
    '../_base_/datasets/ade20k_512x512.py',
    '../_base_/schedules/schedule_160k_neck-2x.py',
    '../_base_/default_runtime.py',
]
# Batch a GPU, lr factors and fp16 as in the release, which starts from a T=1 segmentation run
# (--cfg-options load_from=...) instead of from scratch.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(T=4),
)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(type='AmpOptimWrapper')
