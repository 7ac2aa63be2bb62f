# Semantic FPN on Meta-SpikeFormer (SDT-V2) 15M with NI-LIF neurons, T x D = 1 x 4.
# The integer neck has a bias and a norm (fpn_sdtv3.py); the LIF neck has a bias and no norm.
_base_ = './fpn_sdtv2.py'
neuron_cfg = dict(_delete_=True, type='NILIF', D=4)
model = dict(
    backbone=dict(neuron_cfg=neuron_cfg),
    neck=dict(neuron_cfg=neuron_cfg, norm_cfg=dict(_delete_=True, type='BN'), bias=True),
    decode_head=dict(neuron_cfg=neuron_cfg),
)
