_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: the encoder reads the map of stride 8 too. This is our reading: the paper does not describe it.
model = dict(decode_head=dict(pixel_decoder=dict(encoder_levels=(2, 3))))
