# Spike2Former for instances alone, at the size of spike2former_panoptic_small.py.
_base_ = './spike2former_panoptic_small.py'
model = dict(
    panoptic_head=dict(num_stuff_classes=0),
    panoptic_fusion_head=dict(num_stuff_classes=0),
    test_cfg=dict(panoptic_on=False),
)
