# The second stage of SDT-V2, four time steps: 50 epochs, 5 of them warm-up. The rate is 2e-5 for each 256 images.
_base_ = './imagenet_200e.py'
optim_wrapper = dict(optimizer=dict(lr=1.5e-5))
param_scheduler = _base_.param_scheduler
param_scheduler[1].end = 50
train_cfg = dict(max_epochs=50)
auto_scale_lr = dict(base_batch_size=192)
