_base_ = '../sdt_v3/fpn_sdtv3-19m_4xb16-160k_ade20k-512x512.py'

mlpixer = dict(type='spikedense.MLPixer')
model = dict(backbone=dict(channel_mixer=[mlpixer] * 3 + [{}] * 2))
train_dataloader = dict(batch_size=10)
