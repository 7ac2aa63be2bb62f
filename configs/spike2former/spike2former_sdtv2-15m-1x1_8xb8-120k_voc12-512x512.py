_base_ = './spike2former_sdtv2-15m_8xb8-120k_voc12-512x512.py'
# One binary step. The mask embedding keeps four levels, because masks fail without them.
neuron_cfg = dict(type='NILIF', D=1)
model = dict(
    backbone=dict(neuron_cfg=neuron_cfg),
    decode_head=dict(neuron_cfg=neuron_cfg, mask_embed=dict(neuron_cfg=dict(type='NILIF', D=4))),
)
