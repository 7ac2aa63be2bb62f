# ImageNet-1k with AutoAugment in the place of RandAugment.
_base_ = './imagenet_224x224.py'
train_pipeline = _base_.train_pipeline
train_pipeline[3] = dict(type='AutoAugment', policies='imagenet', hparams=train_pipeline[3].hparams)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
