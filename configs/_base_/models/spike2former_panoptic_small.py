# The panoptic head on E-SpikeFormer, at the size of spike2former_small.py, for the demo set.
_base_ = ['./spike2former_panoptic.py', './demo_arch.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='spikedense.SDTV3',
        T=1,
        arch=_base_.pop('demo_arch'),
        neuron_cfg=_base_.neuron_cfg,
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2, 4),
    ),
    panoptic_head=dict(
        in_channels=[8, 16, 32, 96],
        feat_channels=64,
        out_channels=64,
        num_queries=20,
        pixel_decoder=dict(mask_level=1, encoder=dict(num_layers=1, attn_cfg=dict(num_groups=8))),
        transformer_decoder=dict(num_layers=3, mlp_ratio=4),
    ),
    train_cfg=dict(num_points=1024),
    # After minutes of training few class scores reach the library's threshold of 0.8.
    test_cfg=dict(object_mask_thr=0.4),
)
