# Semantic FPN on E-SpikeFormer (SDT-V3) 5M with NI-LIF neurons, T x D = 1 x 4.
_base_ = './fpn_sdtv3.py'
model = dict(backbone=dict(arch='5M'), neck=dict(in_channels=[16, 32, 64, 192]))
