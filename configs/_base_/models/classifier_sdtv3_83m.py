# Image classifier on the 83M model of E-SpikeFormer (SDT-V3) with NI-LIF neurons that round half up, T x D = 1 x 4.
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='spikedense.SDTV3Large',
        arch='83M',
        T=1,
        neuron_cfg=dict(type='NILIF', D=4, rounding='half_up', window='open'),
        out_indices=(3,),
    ),
    # As in the release, the classifier reads the mean of the membrane: it has no neuron.
    head=dict(
        type='spikedense.SpikeClsHead',
        in_channels=512,
        neuron_at='nowhere',
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        topk=(1, 5),
    ),
)
