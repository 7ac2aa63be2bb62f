_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/voc2012_512x512.py',
    '../_base_/schedules/spike2former_120k-of-160k.py',
    '../_base_/default_runtime.py',
]
# The released model of one step, whose rate follows the batch. It has an output for 150 classes; the
# converter writes that.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=4)
auto_scale_lr = dict(enable=True, base_batch_size=36)
