# The 160k schedule of SDT V2: the neck has twice the rate, too.
_base_ = './schedule_160k.py'
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(neck=dict(lr_mult=2.0))))
