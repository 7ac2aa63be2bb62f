_base_ = '../mask_rcnn/mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'

srb = dict(type='spikedense.SRB')
model = dict(backbone=dict(channel_mixer=[srb] * 3 + [{}] * 2))
