# Spike2Former as released: AdamW, 1500 iterations of warm-up, then linear decay to 0, backbone at a tenth of
# the rate. Gradients are clipped at 0.01, so that AdamW's normalisation sets the step.
_base_ = './schedule_160k.py'
optim_wrapper = dict(
    clip_grad=dict(max_norm=0.01, norm_type=2),
    paramwise_cfg=dict(
        _delete_=True,
        custom_keys={
            'backbone': dict(lr_mult=0.1),
            'query_embed': dict(decay_mult=0.0),
            'query_feat': dict(decay_mult=0.0),
            'level_embed': dict(decay_mult=0.0),
        },
    ),
)
train_cfg = dict(val_interval=2500)
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
