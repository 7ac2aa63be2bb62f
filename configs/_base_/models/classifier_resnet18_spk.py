# Image classifier for 32x32 pixels: ResNet-18 with an SPK block of SpikeAtConv in the place of each ReLU. The stem is
# a 3x3 convolution without pooling, as in ResNet_CIFAR of mmpretrain.
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='spikedense.SpikingResNet',
        arch=dict(depths=[2, 2, 2, 2], base_channels=64, small_stem=True),
        T=1,
        neuron_cfg=dict(type='SL'),
        out_indices=(3,),
    ),
    # The last block ends in a neuron: the classifier reads the mean of its spikes.
    head=dict(
        type='spikedense.SpikeClsHead',
        in_channels=512,
        neuron_at='nowhere',
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1,),
    ),
)
