_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: the encoder runs over the map of stride 8 too. Our reading: the paper does not say.
model = dict(decode_head=dict(pixel_decoder=dict(encoder_levels=(2, 3))))
