_base_ = '../sdt_v3/fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'

mlpixer = dict(type='spikedense.MLPixer')
model = dict(backbone=dict(channel_mixer=[mlpixer] * 3 + [{}] * 2))
