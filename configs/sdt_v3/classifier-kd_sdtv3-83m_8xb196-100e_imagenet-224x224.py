_base_ = './classifier-mae_sdtv3-83m_8xb128-150e_imagenet-224x224.py'
# The second classifier learns the labels of a CAFormer-B36, for which timm has to be installed.
model = dict(
    type='spikedense.HardDistillation',
    teacher=dict(type='TimmClassifier', model_name='caformer_b36'),
    head=dict(
        distilled=True,
        neuron_at='second',
        neuron_cfg=dict(type='NILIF', D=4, norm=1, rounding='half_up', window='open'),
    ),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.5), dict(type='CutMix', alpha=1.0)]),
)
train_dataloader = dict(batch_size=196)
# The rate is 1e-3 for each 256 images of a batch.
optim_wrapper = dict(optimizer=dict(lr=6.125e-3))
param_scheduler = _base_.param_scheduler
param_scheduler[0].end = param_scheduler[1].begin = 5
param_scheduler[1].end = 100
train_cfg = dict(max_epochs=100)
auto_scale_lr = dict(base_batch_size=1568)
