_base_ = '../spike2former/spike2former_sdtv3-5m_8xb6-160k_ade20k-512x512.py'

srb = dict(type='spikedense.SRB')
model = dict(backbone=dict(channel_mixer=[srb] * 3 + [{}] * 2))
