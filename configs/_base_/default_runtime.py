default_scope = 'mmseg'
# For the libraries' own tools: they import mmcv's operators, which spikedense replaces if they are not compiled.
custom_imports = dict(imports=['spikedense'])
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
# Statistics over all GPUs. The tools drop this setting on a CPU, because torch has no SyncBN there.
sync_bn = 'torch'
visualizer = dict(
    type='SegLocalVisualizer',
    name='visualizer',
    vis_backends=[dict(type='LocalVisBackend')],
    alpha=0.6,
)
tta_model = dict(type='SegTTAModel')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
