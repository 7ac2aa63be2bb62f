# Small enough for two CPU cores. The backbone is that of fpn_sdtv3-0.6m-large; without pre-training, scales that
# start at 1e-6 would only slow it.
_base_ = './classifier_sdtv3_83m.py'
model = dict(
    backbone=dict(
        arch='0.6M',
        layer_scale=None,
    ),
    head=dict(in_channels=96, topk=(1,)),
)
