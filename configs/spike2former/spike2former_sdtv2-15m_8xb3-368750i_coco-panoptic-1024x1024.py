_base_ = [
    '../_base_/models/spike2former_panoptic.py',
    '../_base_/datasets/coco_panoptic_1024x1024.py',
    '../_base_/schedules/spike2former_368750i.py',
    '../_base_/mmdet_runtime.py',
]
# The "T=4" in the released panoptic file divides the neuron's integers. It is no time axis.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    panoptic_head=dict(
        pixel_decoder=dict(encoder=dict(mlp_ratio=8)), transformer_decoder=dict(num_layers=9)
    ),
)
train_dataloader = dict(batch_size=3)
