# Spike2Former on E-SpikeFormer 10M as released.
_base_ = './spike2former_sdtv3_19m.py'
model = dict(backbone=dict(arch='10M'), decode_head=dict(in_channels=[24, 48, 96, 240]))
