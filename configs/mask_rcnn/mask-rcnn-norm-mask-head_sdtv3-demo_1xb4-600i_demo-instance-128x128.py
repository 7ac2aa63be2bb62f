# The mask head with norms, without membrane shortcuts.
_base_ = './mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'
model = dict(roi_head=dict(mask_head=dict(residual=False)))
