# Image classifier on a backbone that sums spikes, four time steps: the classifier reads the mean of these sums, as
# published. A config names the backbone.
model = dict(
    type='ImageClassifier',
    backbone=dict(T=4, neuron_cfg=dict(type='LIF')),
    head=dict(
        type='spikedense.SpikeClsHead',
        neuron_at='nowhere',
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        topk=(1, 5),
    ),
)
