# As released, to run its checkpoints: maps of 256 channels, and integers of neck and head are not divided.
_base_ = './fpn_sdtv3-19m-srb_4xb6-160k_ade20k-512x512.py'

ilif = dict(_delete_=True, type='ILIF', D=4)
model = dict(
    neck=dict(out_channels=256, neuron_cfg=ilif),
    decode_head=dict(in_channels=[256] * 4, channels=256, neuron_cfg=ilif),
)
