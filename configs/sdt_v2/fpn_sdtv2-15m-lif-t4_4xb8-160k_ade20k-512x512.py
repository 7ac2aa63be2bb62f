_base_ = './fpn_sdtv2-15m-lif-t1_4xb8-160k_ade20k-512x512.py'
# Batch a GPU, lr factors and fp16 as in the release. The release starts from the backbone of the run with
# T=1; the README has the option.
model = dict(backbone=dict(T=4))
