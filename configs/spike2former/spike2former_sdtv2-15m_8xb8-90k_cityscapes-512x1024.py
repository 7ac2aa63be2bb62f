_base_ = [
    '../_base_/models/spike2former_sdtv2.py',
    '../_base_/datasets/cityscapes_512x1024_short-edge.py',
    '../_base_/schedules/spike2former_90k.py',
    '../_base_/default_runtime.py',
]
# Encoder MLPs of 2048, as in the first released file.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(
        num_classes=_base_.pop('num_classes'), pixel_decoder=dict(encoder=dict(mlp_ratio=8))
    ),
)
train_dataloader = dict(batch_size=8)
