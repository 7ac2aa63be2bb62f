_base_ = './classifier_resnet18-narrow-relu_1xb64-1200i_camvid-patches-32x32.py'
model = dict(backbone=dict(neuron_cfg=dict(type='HSL')))
