# Spike2Former as a detector of mmdet, on Meta-SpikeFormer 15M: panoptic segments and instances, COCO's 80
# things and 53 kinds of stuff. Mask2Former's losses on sampled points, and its inference.
_base_ = ['./spike2former_sdtv2.py', './mask2former_losses.py']

num_things_classes = 80
num_stuff_classes = 53
semantic = _base_.model.decode_head
model = dict(
    _delete_=True,
    type='Mask2Former',
    backbone=_base_.model.backbone,
    panoptic_head=dict(
        type='spikedense.Spike2FormerPointHead',
        in_channels=semantic.in_channels,
        feat_channels=semantic.feat_channels,
        out_channels=semantic.out_channels,
        num_things_classes=num_things_classes,
        num_stuff_classes=num_stuff_classes,
        num_queries=200,
        pixel_decoder=semantic.pixel_decoder,
        transformer_decoder=semantic.transformer_decoder,
        mask_embed=semantic.mask_embed,
        neuron_cfg=semantic.neuron_cfg,
        norm_cfg=semantic.norm_cfg,
        masked_attention=semantic.masked_attention,
        legacy_layout=semantic.legacy_layout,
        loss_cls=_base_.loss_cls,
        loss_mask=_base_.loss_mask,
        loss_dice=_base_.loss_dice,
    ),
    panoptic_fusion_head=dict(
        type='MaskFormerFusionHead',
        num_things_classes=num_things_classes,
        num_stuff_classes=num_stuff_classes,
        loss_panoptic=None,
    ),
    train_cfg=_base_.point_matching,
    test_cfg=dict(
        panoptic_on=True,
        semantic_on=False,
        instance_on=True,
        max_per_image=100,
        iou_thr=0.8,
        filter_low_score=True,
    ),
)
