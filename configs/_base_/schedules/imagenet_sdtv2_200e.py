# The first stage of SDT-V2: as the schedule of SDT-V3, with 10 epochs of warm-up and half of the batch.
_base_ = './imagenet_200e.py'
optim_wrapper = dict(optimizer=dict(lr=2.4e-3))
param_scheduler = _base_.param_scheduler
param_scheduler[0].end = param_scheduler[1].begin = 10
auto_scale_lr = dict(base_batch_size=1024)
