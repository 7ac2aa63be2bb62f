# Image classifier on Meta-SpikeFormer (SDT-V2) 31M with LIF neurons, one time step.
neuron_cfg = dict(type='LIF', tau=2.0, v_threshold=1.0)
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='spikedense.SDTV2', arch='31M', T=1, neuron_cfg=neuron_cfg, out_indices=(4,)
    ),
    head=dict(
        type='spikedense.SpikeClsHead',
        in_channels=480,
        neuron_cfg=neuron_cfg,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        topk=(1, 5),
    ),
)
