_base_ = [
    '../_base_/models/spike2former_ms_resnet.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/spike2former_680i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores. The finest map, that of the masks, has stride 4.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(_delete_=True, depths=[1, 1, 1, 1], base_channels=24)),
    decode_head=dict(
        in_channels=[24, 48, 96, 192],
        feat_channels=64,
        out_channels=64,
        num_queries=20,
        num_classes=_base_.pop('num_classes'),
        pixel_decoder=dict(encoder=dict(num_layers=1, attn_cfg=dict(num_groups=8))),
        transformer_decoder=dict(num_layers=3, mlp_ratio=4),
    ),
)
