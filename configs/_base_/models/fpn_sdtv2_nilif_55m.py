# Semantic FPN on Meta-SpikeFormer (SDT-V2) 55M with NI-LIF neurons, T x D = 1 x 4.
_base_ = ['./fpn_sdtv2_nilif.py', './fpn_55m.py']
model = _base_.pop('fpn_55m')
