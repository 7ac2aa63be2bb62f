# Spike2Former on E-SpikeFormer 5M as released.
_base_ = './spike2former_sdtv3_19m.py'
model = dict(backbone=dict(arch='5M'), decode_head=dict(in_channels=[16, 32, 64, 192]))
