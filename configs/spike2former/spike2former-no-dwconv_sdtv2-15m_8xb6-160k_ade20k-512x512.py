_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: offsets and weights of SDDA without the depth-wise convolution before them.
model = dict(decode_head=dict(pixel_decoder=dict(encoder=dict(attn_cfg=dict(dwconv=False)))))
