# The published comparison of SPK blocks on CIFAR-100: 200 epochs, 5 of them warm-up. The paper states no decay after
# the warm-up. Ours is a cosine, as in its recipe for ImageNet-1k.
_base_ = './imagenet_200e.py'
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.02, weight_decay=0.01),
)
auto_scale_lr = dict(base_batch_size=256)
