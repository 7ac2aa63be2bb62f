# Spike2Former on VOC, as its 1x4 checkpoint was trained: 120,000 iterations of a decay over 160,000.
_base_ = './spike2former_160k.py'
train_cfg = dict(max_iters=120000)
