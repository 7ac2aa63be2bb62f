# COCO-Stuff 164k for Spike2Former.
_base_ = './coco-stuff164k_512x512.py'
train_pipeline = _base_.short_edge_pipeline
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
