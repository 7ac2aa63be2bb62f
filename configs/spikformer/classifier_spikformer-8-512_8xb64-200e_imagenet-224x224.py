_base_ = [
    '../_base_/models/classifier_spike_sums.py',
    '../_base_/datasets/imagenet_224x224_resize-256.py',
    '../_base_/schedules/imagenet_baselines_200e.py',
    '../_base_/mmpretrain_runtime.py',
]
# The recipe is ours, after that of SDT-V2; we do not know that of the paper.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(type='spikedense.Spikformer', arch='8-512', out_indices=(0,)),
    head=dict(in_channels=512, num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=64)
