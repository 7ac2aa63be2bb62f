# Image classifier on the image network of STSepResNet-18: spatial branches alone, one time step.
neuron = dict(type='LIF', decay_input=False)
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='spikedense.STSepResNet',
        arch=18,
        temporal_branch=None,
        T=1,
        neuron_cfg=neuron,
        out_indices=(3,),
    ),
    head=dict(
        type='spikedense.SpikeClsHead',
        in_channels=512,
        # The mean of a membrane over a map is far below a threshold of 1.
        neuron_cfg=dict(v_threshold=0.25, **neuron),
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        topk=(1, 5),
    ),
)
