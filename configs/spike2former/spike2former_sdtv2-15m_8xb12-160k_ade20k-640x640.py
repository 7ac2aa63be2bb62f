_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/ade20k_640x640_short-edge.py',
    '../_base_/schedules/spike2former_160k.py',
    '../_base_/default_runtime.py',
]
# The release calls this run 1x4. Its file says T=4, but its neurons keep no state: four steps of a
# still image are four equal copies.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(num_classes=_base_.pop('num_classes')),
)
train_dataloader = dict(batch_size=12)
