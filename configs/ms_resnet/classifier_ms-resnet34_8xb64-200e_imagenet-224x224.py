_base_ = [
    '../_base_/models/classifier_spike_sums.py',
    '../_base_/datasets/imagenet_224x224_resize-256.py',
    '../_base_/schedules/imagenet_baselines_200e.py',
    '../_base_/mmpretrain_runtime.py',
]
neuron_cfg = dict(type='StrictLIF')
# The recipe is ours, after that of SDT-V2; we do not know that of the paper.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        type='spikedense.MSResNet', arch=34, T=6, neuron_cfg=neuron_cfg, out_indices=(4,)
    ),
    head=dict(
        in_channels=512, neuron_at='map', neuron_cfg=neuron_cfg, num_classes=_base_.num_classes
    ),
)
_base_.pop('num_classes')
train_dataloader = dict(batch_size=64)
