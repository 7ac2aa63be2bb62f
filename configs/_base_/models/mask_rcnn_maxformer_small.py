# A small Mask R-CNN on Max-Former with LIF neurons, four time steps, for two CPU cores.
_base_ = './mask_rcnn_qkformer_small.py'
model = dict(backbone=dict(type='spikedense.MaxFormer', arch=dict(depths=[1, 1, 4])))
