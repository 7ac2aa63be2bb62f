_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: a plain membrane shortcut in the place of ME-Shortcut.
model = dict(decode_head=dict(mask_embed=dict(shortcut='membrane')))
