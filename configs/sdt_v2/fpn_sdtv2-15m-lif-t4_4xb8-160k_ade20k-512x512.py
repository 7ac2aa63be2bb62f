_base_ = './fpn_sdtv2-15m-lif-t1_4xb8-160k_ade20k-512x512.py'
# Batch a GPU, lr factors and fp16 as in the release. The release starts from a T=1 segmentation run
# (--cfg-options load_from=...), this config starts from scratch.
model = dict(backbone=dict(T=4))
