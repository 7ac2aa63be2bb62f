_base_ = './spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
# Ablation on the demo set: I-LIF. The mask embedding has undivided integers in the main model too.
neuron_cfg = dict(norm=1)
model = dict(
    backbone=dict(neuron_cfg=neuron_cfg),
    decode_head=dict(neuron_cfg=neuron_cfg, mask_embed=dict(scale=1.0)),
)
