# The published number of time steps.
_base_ = './classifier_resnet18-narrow-dcl_1xb64-1200i_camvid-patches-32x32.py'
model = dict(backbone=dict(T=2))
