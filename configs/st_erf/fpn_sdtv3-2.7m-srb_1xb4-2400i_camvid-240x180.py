_base_ = '../sdt_v3/fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'

srb = dict(type='spikedense.SRB')
model = dict(backbone=dict(channel_mixer=[srb] * 3 + [{}] * 2))
