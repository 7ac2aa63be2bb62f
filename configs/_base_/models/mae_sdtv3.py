# Spiking masked auto-encoder on the 83M model of E-SpikeFormer (SDT-V3), T x D = 1 x 4. Half of the patches of
# 16x16 pixels are masked. The encoder has no layer scales, as in the release.
model = dict(
    type='spikedense.SpikeMAE',
    backbone=dict(
        type='spikedense.SDTV3Large',
        arch='83M',
        T=1,
        neuron_cfg=dict(type='NILIF', D=4, rounding='half_up', window='open'),
        layer_scale=None,
        out_indices=(3,),
    ),
    # The decoder of the published sizes, not of the class's defaults.
    neck=dict(
        type='spikedense.MAEDecoder',
        in_channels=512,
        num_patches=196,
        embed_dims=256,
        depth=4,
        num_heads=4,
    ),
    head=dict(
        type='MAEPretrainHead',
        norm_pix=True,
        patch_size=16,
        loss=dict(type='PixelReconstructionLoss', criterion='L2'),
    ),
    mask_ratio=0.5,
)
