_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: in SDDA the values are spikes and the weights are real.
model = dict(decode_head=dict(pixel_decoder=dict(encoder=dict(attn_cfg=dict(spike='value')))))
