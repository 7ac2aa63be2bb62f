# Image classifier on SpikeAtConv Tiny with MBPL neurons (integers 0..4), one time step. The paper does not state
# whether a neuron is in front of the mean over the map. Here there is one, so the classifier reads spikes.
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='spikedense.SpikeAtConv',
        arch='Tiny',
        T=1,
        neuron_cfg=dict(type='MBPL', thresholds=[0.2, 1.0, 2.0, 4.0]),
        out_indices=(3,),
        out_spike=True,
    ),
    head=dict(
        type='spikedense.SpikeClsHead',
        in_channels=512,
        neuron_at='nowhere',
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        topk=(1, 5),
    ),
    # The paper names Mixup and CutMix without numbers. Ours are those of SDT-V3 after its auto-encoder.
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]),
)
