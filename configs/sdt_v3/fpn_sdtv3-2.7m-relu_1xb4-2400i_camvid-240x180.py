# The ANN twin: same graph, budget and seed, with ReLU in the place of every neuron.
_base_ = './fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'

relu = dict(_delete_=True, type='ReLU')
model = dict(
    backbone=dict(neuron_cfg=relu),
    neck=dict(neuron_cfg=relu),
    decode_head=dict(neuron_cfg=relu),
)
