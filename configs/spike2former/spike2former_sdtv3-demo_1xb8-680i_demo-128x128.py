_base_ = [
    '../_base_/models/spike2former_small.py',
    '../_base_/models/demo_arch.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/spike2former_680i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(_delete_=True, **_base_.pop('demo_arch'))),
    decode_head=dict(in_channels=[8, 16, 32, 96], num_classes=_base_.pop('num_classes')),
)
