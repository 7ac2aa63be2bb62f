_base_ = './spike2former_sdtv2-15m_8xb8-120k_voc12-512x512.py'
# Two steps of integers up to 4.
model = dict(backbone=dict(T=2))
