# What the spiking Semantic FPNs share: SpikeFPN neck and head on the taps of stride 2, 4, 8 and 16 of a
# 15M or 19M backbone, with NI-LIF neurons. A model config adds the backbone, and the neuron if it differs.
neuron_cfg = dict(type='NILIF', D=4)
norm_cfg = dict(type='BN')
model = dict(
    type='EncoderDecoder',
    # Bias and norm together, as in the release. The bias is redundant, but the checkpoints have it.
    neck=dict(
        type='spikedense.SpikeFPN',
        in_channels=[32, 64, 128, 360],
        out_channels=128,
        num_outs=4,
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        bias=True,
    ),
    # The release declares strides 4..32; the true strides are half of that. Only ratios matter.
    # The release sets dropout 0.1, but its classifier does not use it. So 0 is the same.
    decode_head=dict(
        type='spikedense.SpikeFPNHead',
        in_channels=[128, 128, 128, 128],
        in_index=[0, 1, 2, 3],
        feature_strides=[2, 4, 8, 16],
        channels=128,
        neuron_cfg=neuron_cfg,
        norm_cfg=norm_cfg,
        dropout_ratio=0,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
