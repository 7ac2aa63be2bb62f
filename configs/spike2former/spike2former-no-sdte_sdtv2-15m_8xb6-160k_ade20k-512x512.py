_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: the pyramid alone, without the encoder.
model = dict(decode_head=dict(pixel_decoder=dict(encoder=None)))
