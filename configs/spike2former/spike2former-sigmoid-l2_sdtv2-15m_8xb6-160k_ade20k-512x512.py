_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: "norm with sigmoid & L2" of the membranes in front of the firing. This is our reading: the paper
# gives no definition and only says that the training diverges.
neuron_cfg = dict(type='SigmoidL2NILIF')
model = dict(backbone=dict(neuron_cfg=neuron_cfg), decode_head=dict(neuron_cfg=neuron_cfg))
