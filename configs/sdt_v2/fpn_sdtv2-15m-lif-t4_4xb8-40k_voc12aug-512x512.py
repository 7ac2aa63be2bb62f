_base_ = [
    '../_base_/models/fpn_sdtv2.py',
    '../_base_/datasets/voc2012aug_512x512.py',
    '../_base_/schedules/schedule_40k_voc.py',
    '../_base_/default_runtime.py',
]
# Batch a GPU as in the release's run with T=4 (lr factors 1), which starts from an earlier run
# (--cfg-options load_from=...) instead of from scratch.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(T=4),
    decode_head=dict(num_classes=21),
)
train_dataloader = dict(batch_size=8)
