# The smallest backbone, for the demo set: a model config takes it by `pop`.
demo_arch = dict(embed_dims=[16, 32, 64, 96], depths=[1, 1, 1, 2, 1], num_heads=4)
