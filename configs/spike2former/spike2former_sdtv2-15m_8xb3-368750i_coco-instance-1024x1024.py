_base_ = [
    '../_base_/models/spike2former_panoptic.py',
    '../_base_/datasets/coco_instance_1024x1024.py',
    '../_base_/schedules/spike2former_368750i.py',
    '../_base_/mmdet_runtime.py',
]
# Our choice, because the paper has no instance segmentation: the panoptic net without stuff classes.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    panoptic_head=dict(
        num_stuff_classes=0,
        pixel_decoder=dict(encoder=dict(mlp_ratio=8)),
        transformer_decoder=dict(num_layers=9),
    ),
    panoptic_fusion_head=dict(num_stuff_classes=0),
    test_cfg=dict(panoptic_on=False),
)
train_dataloader = dict(batch_size=3)
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP'))
