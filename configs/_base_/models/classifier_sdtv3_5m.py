# Image classifier on E-SpikeFormer (SDT-V3) 5M with NI-LIF neurons, T x D = 1 x 4.
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='spikedense.SDTV3',
        arch='5M',
        T=1,
        neuron_cfg=dict(type='NILIF', D=4),
        out_indices=(4,),
    ),
    # As in the release, the integers of the last neuron are not divided by D.
    head=dict(
        type='spikedense.SpikeClsHead',
        in_channels=192,
        neuron_cfg=dict(type='NILIF', D=4, norm=1),
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        topk=(1, 5),
    ),
)
