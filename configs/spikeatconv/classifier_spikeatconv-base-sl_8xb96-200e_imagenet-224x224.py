_base_ = './classifier_spikeatconv-base_8xb96-200e_imagenet-224x224.py'
model = dict(backbone=dict(neuron_cfg=dict(_delete_=True, type='SL')))
