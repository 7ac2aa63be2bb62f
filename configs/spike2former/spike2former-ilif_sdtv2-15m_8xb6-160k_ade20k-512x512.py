_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: I-LIF, integers that are not divided. The main model has them only in the mask embedding.
neuron_cfg = dict(norm=1)
model = dict(
    backbone=dict(neuron_cfg=neuron_cfg),
    decode_head=dict(neuron_cfg=neuron_cfg, mask_embed=dict(scale=1.0)),
)
