_base_ = './spike2former_sdtv2-15m_8xb8-120k_voc12-512x512.py'
# Integers up to 8 in one step.
neuron_cfg = dict(type='NILIF', D=8)
model = dict(backbone=dict(neuron_cfg=neuron_cfg), decode_head=dict(neuron_cfg=neuron_cfg))
