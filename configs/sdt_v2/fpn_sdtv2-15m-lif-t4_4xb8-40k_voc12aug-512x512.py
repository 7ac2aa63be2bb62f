_base_ = './fpn_sdtv2-15m-lif-t1_4xb8-40k_voc12aug-512x512.py'
# Batch a GPU as in the release's run with T=4 (lr factors 1). The release starts from an earlier run;
# the README has the option.
model = dict(backbone=dict(T=4))
