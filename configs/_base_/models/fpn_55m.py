# Changes of a Semantic FPN for Meta-SpikeFormer 55M, with any neuron. A neck of width 256 and a head of width
# 128 give the published 58.9 M parameters (the release's file sets both to 256).
fpn_55m = dict(
    backbone=dict(arch='55M'),
    neck=dict(in_channels=[64, 128, 256, 640], out_channels=256),
    decode_head=dict(in_channels=[256] * 4),
)
