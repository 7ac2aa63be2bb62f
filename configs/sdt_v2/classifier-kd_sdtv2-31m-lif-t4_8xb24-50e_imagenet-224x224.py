_base_ = [
    '../_base_/models/classifier_sdtv2.py',
    '../_base_/datasets/imagenet_224x224_resize-256.py',
    '../_base_/schedules/imagenet_sdtv2-kd_50e.py',
    '../_base_/mmpretrain_runtime.py',
]
# It starts from the weights of T=1. The second classifier learns the labels of a CAFormer-B36, for which timm has to
# be installed.
model = dict(
    type='spikedense.HardDistillation',
    data_preprocessor=_base_.data_preprocessor,
    teacher=dict(type='TimmClassifier', model_name='caformer_b36'),
    backbone=dict(T=4),
    head=dict(num_classes=_base_.pop('num_classes'), distilled=True),
)
train_dataloader = dict(batch_size=24)
