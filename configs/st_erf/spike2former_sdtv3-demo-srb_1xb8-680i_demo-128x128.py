_base_ = '../spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'

srb = dict(type='spikedense.SRB')
model = dict(backbone=dict(channel_mixer=[srb] * 3 + [{}] * 2))
