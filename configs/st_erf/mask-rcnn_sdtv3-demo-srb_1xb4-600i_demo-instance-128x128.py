_base_ = '../mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'

srb = dict(type='spikedense.SRB')
model = dict(backbone=dict(channel_mixer=[srb] * 3 + [{}] * 2))
