# SDT V2 55M at T=4: the first 80k iterations of the 160k decay, with ten times the weight decay.
_base_ = './schedule_160k_neck-2x.py'
optim_wrapper = dict(optimizer=dict(weight_decay=0.05))
train_cfg = dict(max_iters=80000, val_interval=8000)
