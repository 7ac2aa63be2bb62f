_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: integers are divided in the cross-attention only.
raw = dict(norm=1)
model = dict(
    backbone=dict(neuron_cfg=raw),
    decode_head=dict(
        neuron_cfg=raw,
        mask_embed=dict(scale=1.0),
        transformer_decoder=dict(cross_attn_cfg=dict(neuron_cfg=dict(type='NILIF', D=4))),
    ),
)
