_base_ = [
    '../_base_/models/spike2former_instance_small.py',
    '../_base_/datasets/pennfudan_256x192.py',
    '../_base_/schedules/spike2former_2400i.py',
    '../_base_/mmdet_runtime.py',
]
__classes = dict(num_things_classes=_base_.pop('num_classes'))
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch=dict(_delete_=True, embed_dims=[24, 48, 96, 128])),
    panoptic_head=dict(in_channels=[12, 24, 48, 128], **__classes),
    panoptic_fusion_head=__classes,
    # At most queries times classes.
    test_cfg=dict(max_per_image=20),
)
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP', rule='greater'))
