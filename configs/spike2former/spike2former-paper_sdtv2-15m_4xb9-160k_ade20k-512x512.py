_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Rate and batch of the paper. The released files have 1e-3 and 48.
optim_wrapper = dict(optimizer=dict(lr=2e-4))
train_dataloader = dict(batch_size=9)
