# Spike2Former on Meta-SpikeFormer (SDT-V2) 15M, T x D = 1 x 4.
_base_ = './spike2former.py'
model = dict(
    backbone=dict(
        type='spikedense.SDTV2',
        arch='15M',
        T=1,
        neuron_cfg=_base_.neuron_cfg,
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2, 4),
    ),
)
