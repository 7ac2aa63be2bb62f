_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation of the paper's appendix: full 3x3 convolutions in the pyramid.
model = dict(decode_head=dict(pixel_decoder=dict(depthwise=False)))
