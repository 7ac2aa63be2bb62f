_base_ = '../sdt_v3/fpn_sdtv3-demo_1xb8-600i_demo-128x128.py'

mlpixer = dict(type='spikedense.MLPixer', layout='pointwise', norm='bn')
model = dict(backbone=dict(channel_mixer=[mlpixer] * 3 + [{}] * 2))
