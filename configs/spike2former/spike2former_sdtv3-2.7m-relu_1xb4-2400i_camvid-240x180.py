_base_ = './spike2former_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'
# The ANN twin: the same graph, with ReLU in the place of every neuron.
neuron_cfg = dict(_delete_=True, type='ReLU')
model = dict(backbone=dict(neuron_cfg=neuron_cfg), decode_head=dict(neuron_cfg=neuron_cfg))
