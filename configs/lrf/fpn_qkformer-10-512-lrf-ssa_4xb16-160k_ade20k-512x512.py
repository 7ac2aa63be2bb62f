# The first two stages have token attention, which has no value for a local term.
_base_ = '../qkformer/fpn_qkformer-10-512_4xb16-160k_ade20k-512x512.py'
model = dict(backbone=dict(attn_cfg=[dict(), dict(), dict(type='spikedense.LRFSelfAttention')]))
