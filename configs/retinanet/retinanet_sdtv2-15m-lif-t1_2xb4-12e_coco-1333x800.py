_base_ = './retinanet_sdtv3-19m_2xb4-12e_coco-1333x800.py'

lif = dict(_delete_=True, type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    backbone=dict(type='spikedense.SDTV2', arch='15M', neuron_cfg=lif),
    neck=dict(neuron_cfg=lif),
    bbox_head=dict(neuron_cfg=lif),
)
