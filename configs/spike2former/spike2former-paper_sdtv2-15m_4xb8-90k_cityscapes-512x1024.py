_base_ = './spike2former_sdtv2-15m_8xb8-90k_cityscapes-512x1024.py'
# Rate and batch as the paper prints them; the released files have 1e-3 and 64.
optim_wrapper = dict(optimizer=dict(lr=2e-3))
