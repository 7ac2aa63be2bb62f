_base_ = './spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
# The ANN twin: the same graph, with ReLU in the place of every neuron.
neuron_cfg = dict(_delete_=True, type='ReLU')
model = dict(backbone=dict(neuron_cfg=neuron_cfg), decode_head=dict(neuron_cfg=neuron_cfg))
