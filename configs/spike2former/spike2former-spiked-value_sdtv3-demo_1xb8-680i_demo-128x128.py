_base_ = './spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
# Ablation on the demo set: in SDDA the values are spikes and the weights are real.
model = dict(decode_head=dict(pixel_decoder=dict(encoder=dict(attn_cfg=dict(spike='value')))))
