_base_ = '../spike2former/spike2former_sdtv3-5m_8xb6-160k_ade20k-512x512.py'
model = dict(backbone=dict(attn_cfg=dict(type='spikedense.LRFSelfAttention')))
