# The published mask head, without norms or shortcuts, to show how its neurons fall silent.
_base_ = './mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'
model = dict(roi_head=dict(mask_head=dict(norm_cfg=None, residual=False)))
