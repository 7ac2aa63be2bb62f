_base_ = [
    '../_base_/models/mae_sdtv3.py',
    '../_base_/datasets/imagenet_mae_224x224.py',
    '../_base_/schedules/mae_200e.py',
    '../_base_/mmpretrain_runtime.py',
]
# As in the release, the decoder reads the tokens in another order than that of its positions.
model = dict(data_preprocessor=_base_.data_preprocessor, permute_tokens=True)
