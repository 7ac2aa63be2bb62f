_base_ = [
    '../_base_/models/spike2former_qkformer.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/spike2former_680i.py',
    '../_base_/default_runtime.py',
]
# Small enough for two CPU cores.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(_delete_=True, embed_dims=[32, 64, 128], depths=[1, 2, 3])),
    decode_head=dict(
        in_channels=[32, 64, 128],
        feat_channels=64,
        out_channels=64,
        num_queries=20,
        num_classes=_base_.pop('num_classes'),
        pixel_decoder=dict(encoder=dict(num_layers=1, attn_cfg=dict(num_groups=8))),
        transformer_decoder=dict(num_layers=3, mlp_ratio=4),
    ),
)
