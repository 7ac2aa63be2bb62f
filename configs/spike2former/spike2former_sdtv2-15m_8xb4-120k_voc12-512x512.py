_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/voc2012_512x512.py',
    '../_base_/schedules/spike2former_120k-of-160k.py',
    '../_base_/default_runtime.py',
]
# The released model with one step. The rate is scaled with the batch. The model has outputs for 150
# classes; the converter writes this number into the config.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=4)
auto_scale_lr = dict(enable=True, base_batch_size=36)
