# For networks whose papers' recipes we do not hold: that of SDT-V2, the nearest one, with half of its batch for four
# time steps.
_base_ = './imagenet_sdtv2_200e.py'
optim_wrapper = dict(optimizer=dict(lr=1.2e-3))
auto_scale_lr = dict(base_batch_size=512)
