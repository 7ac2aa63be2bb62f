# Semantic FPN on Meta-SpikeFormer (SDT-V2) 55M with LIF neurons, one time step.
_base_ = ['./fpn_sdtv2.py', './fpn_55m.py']
model = _base_.pop('fpn_55m')
