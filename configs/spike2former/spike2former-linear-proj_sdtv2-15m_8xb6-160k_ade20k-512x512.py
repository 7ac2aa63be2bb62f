_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: SDDA with 1x1 convolutions in the place of its separable ones.
model = dict(decode_head=dict(pixel_decoder=dict(encoder=dict(attn_cfg=dict(proj='linear')))))
