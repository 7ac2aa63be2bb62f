# Semantic FPN on Meta-SpikeFormer (SDT-V2) 15M with LIF neurons, one time step.
_base_ = './fpn_sdtv2_nilif.py'
neuron_cfg = dict(_delete_=True, type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    backbone=dict(neuron_cfg=neuron_cfg),
    # The LIF neck has no norms, and its convolutions have a bias, as in the release.
    neck=dict(neuron_cfg=neuron_cfg, norm_cfg=None),
    decode_head=dict(neuron_cfg=neuron_cfg),
)
