# Semantic FPN on SEW-ResNet-18 with IF neurons, four time steps. Its maps are those of MS-ResNet-18.
_base_ = './fpn_ms_resnet.py'
neuron = dict(_delete_=True, type='IF', surrogate=dict(type='ATan', alpha=2.0))
model = dict(
    backbone=dict(type='spikedense.SEWResNet', cnf='ADD', neuron_cfg=neuron),
    neck=dict(neuron_cfg=neuron),
    decode_head=dict(neuron_cfg=neuron),
)
