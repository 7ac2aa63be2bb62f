# Semantic FPN on Meta-SpikeFormer (SDT-V2) 15M with LIF neurons, one time step.
neuron_cfg = dict(type='LIF', tau=2.0, v_threshold=1.0)
norm_cfg = dict(type='BN')
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='spikedense.SDTV2',
        arch='15M',
        T=1,
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        out_indices=(0, 1, 2, 4),
        # The release averages the features over T here ('mean'), so that its neck and head run one
        # step although the tables say T=4. 'keep' is what the paper draws: T up to the logits.
        out_time='keep',
    ),
    # No norm in the LIF neck: its convolutions keep their bias, as in the release.
    neck=dict(
        type='spikedense.SpikeFPN',
        in_channels=[32, 64, 128, 360],
        out_channels=128,
        num_outs=4,
        neuron_cfg=neuron_cfg,
        norm_cfg=None,
    ),
    # The release declares strides 4..32; the true ones are half of that, only ratios matter.
    decode_head=dict(
        type='spikedense.SpikeFPNHead',
        in_channels=[128, 128, 128, 128],
        in_index=[0, 1, 2, 3],
        feature_strides=[2, 4, 8, 16],
        channels=128,
        num_classes=150,
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        dropout_ratio=0,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
