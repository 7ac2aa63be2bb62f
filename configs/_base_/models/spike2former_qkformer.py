# Spike2Former on QKFormer HST-10-512 with NI-LIF neurons, T x D = 1 x 4. The backbone has three maps: the query
# decoder reads all of them, and masks come from the finest one, of stride 4.
_base_ = './spike2former.py'
model = dict(
    backbone=dict(
        type='spikedense.QKFormer',
        arch='10-512',
        # The published gates count the spikes of a whole head: with integers, all would always be open.
        attn_cfg=[dict(average=True, scale=4.0), dict(average=True, scale=4.0), {}],
        T=1,
        neuron_cfg=_base_.neuron_cfg,
        norm_cfg=_base_.norm_cfg,
        out_indices=(0, 1, 2),
    ),
    decode_head=dict(in_channels=[128, 256, 512]),
)
