# A small Spike2Former head on E-SpikeFormer, for two CPU cores.
_base_ = './spike2former_sdtv3.py'
model = dict(
    decode_head=dict(
        feat_channels=64,
        out_channels=64,
        num_queries=20,
        pixel_decoder=dict(encoder=dict(num_layers=1, attn_cfg=dict(num_groups=8))),
        transformer_decoder=dict(num_layers=3, mlp_ratio=4),
    ),
)
