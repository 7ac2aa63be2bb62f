_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: integers up to 4 are divided by 8.
neuron_cfg = dict(norm=8)
model = dict(backbone=dict(neuron_cfg=neuron_cfg), decode_head=dict(neuron_cfg=neuron_cfg))
