# Spike2Former on E-SpikeFormer 19M as released: the matcher gives classes twice the weight, for all sizes.
_base_ = './spike2former_sdtv3.py'
model = dict(
    decode_head=dict(train_cfg=dict(assigner=dict(match_costs=_base_.match_costs_class_2x)))
)
