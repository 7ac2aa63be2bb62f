# ImageNet-1k, tested on the middle of images whose short edge has 256 pixels.
_base_ = './imagenet_224x224.py'
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = 256
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
