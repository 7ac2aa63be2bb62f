_base_ = './spike2former_sdtv2-15m_8xb8-90k_cityscapes-512x1024.py'
# The released model with four steps; encoder MLPs of 1024.
model = dict(backbone=dict(T=4), decode_head=dict(pixel_decoder=dict(encoder=dict(mlp_ratio=4))))
