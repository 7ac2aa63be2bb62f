_base_ = [
    '../_base_/models/mask2former_r50.py',
    '../_base_/datasets/camvid_480x360.py',
    '../_base_/schedules/spike2former_5k.py',
    '../_base_/default_runtime.py',
]
# From scratch, with the budget of Spike2Former, for comparison. Rate and clipping are Mask2Former's.
__classes = _base_.pop('num_classes')
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=__classes, loss_cls=dict(class_weight=[1.0] * __classes + [0.1])),
)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
