_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: ME-Shortcut without its convolution.
model = dict(decode_head=dict(mask_embed=dict(shortcut='identity')))
