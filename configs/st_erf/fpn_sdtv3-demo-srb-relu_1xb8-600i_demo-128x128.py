# The ANN twin: same graph, budget and seeds, with ReLU in the place of every neuron.
_base_ = './fpn_sdtv3-demo-srb_1xb8-600i_demo-128x128.py'

relu = dict(_delete_=True, type='ReLU')
model = dict(
    backbone=dict(neuron_cfg=relu),
    neck=dict(neuron_cfg=relu),
    decode_head=dict(neuron_cfg=relu),
)
