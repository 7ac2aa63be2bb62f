# Classifier of clips on STSepResNet-18 with both branches; a time step is a frame. The head averages over time.
_base_ = './classifier_stsep_image.py'
model = dict(
    backbone=dict(
        temporal_branch=dict(_delete_=True, offsets=(1,), on_off=False, attn='gate'), clips=True
    ),
)
