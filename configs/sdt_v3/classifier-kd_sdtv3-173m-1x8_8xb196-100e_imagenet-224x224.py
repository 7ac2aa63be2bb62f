# The published D. It is not stated which of the earlier stages have it, too.
_base_ = './classifier-kd_sdtv3-173m_8xb196-100e_imagenet-224x224.py'
model = dict(backbone=dict(neuron_cfg=dict(D=8)), head=dict(neuron_cfg=dict(D=8)))
