# A small Spike2Former on E-SpikeFormer 2.7M, for two CPU cores. Masks of stride 4 halve the time.
_base_ = './spike2former_sdtv3.py'
model = dict(
    backbone=dict(arch='2.7M'),
    decode_head=dict(
        in_channels=[12, 24, 48, 128],
        feat_channels=64,
        out_channels=64,
        num_queries=20,
        pixel_decoder=dict(mask_level=1, encoder=dict(num_layers=1, attn_cfg=dict(num_groups=8))),
        transformer_decoder=dict(num_layers=3, mlp_ratio=4),
    ),
)
