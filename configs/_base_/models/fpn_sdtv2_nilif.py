# Semantic FPN on Meta-SpikeFormer (SDT-V2) 15M with NI-LIF neurons, T x D = 1 x 4.
_base_ = './spike_fpn.py'
model = dict(
    backbone=dict(
        type='spikedense.SDTV2',
        arch='15M',
        T=1,
        neuron_cfg=_base_.neuron_cfg,
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2, 4),
        # 'keep': T steps up to the logits, as in the paper's figure. The release has 'mean' here, so
        # its neck and head run one step although the tables say T=4.
        out_time='keep',
    ),
)
