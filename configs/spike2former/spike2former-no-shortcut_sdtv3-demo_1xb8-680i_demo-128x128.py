_base_ = './spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
# Ablation on the demo set: the mask embedding without a shortcut.
model = dict(decode_head=dict(mask_embed=dict(shortcut=None)))
