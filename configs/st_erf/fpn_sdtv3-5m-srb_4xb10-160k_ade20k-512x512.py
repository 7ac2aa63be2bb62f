_base_ = '../sdt_v3/fpn_sdtv3-5m_4xb16-160k_ade20k-512x512.py'

srb = dict(type='spikedense.SRB')
model = dict(backbone=dict(channel_mixer=[srb] * 3 + [{}] * 2))
train_dataloader = dict(batch_size=10)
