_base_ = './fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'
# The backbone of the masked auto-encoder and of the classifiers beside this file, to compare where it starts from:
# docs/pretraining.md.
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SDTV3Large',
        arch='0.6M',
        T=1,
        layer_scale=None,
        out_indices=(0, 1, 2, 3),
    ),
    neck=dict(in_channels=[8, 16, 32, 96]),
)
