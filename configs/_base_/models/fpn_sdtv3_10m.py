# Semantic FPN on E-SpikeFormer (SDT-V3) 10M with NI-LIF neurons, T x D = 1 x 4.
_base_ = './fpn_sdtv3.py'
model = dict(backbone=dict(arch='10M'), neck=dict(in_channels=[24, 48, 96, 240]))
