_base_ = './spike2former_sdtv2-15m_8xb8-90k_cityscapes-512x1024.py'
# Rate, batch and size (34M) of the paper. The first released file has 1e-3, 64 and encoder MLPs of 2048.
model = dict(decode_head=dict(pixel_decoder=dict(encoder=dict(mlp_ratio=4))))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
