# The runtime of classifiers. Their schedules count epochs.
_base_ = './default_runtime.py'
default_scope = 'mmpretrain'
visualizer = dict(
    _delete_=True,
    type='UniversalVisualizer',
    name='visualizer',
    vis_backends=[dict(type='LocalVisBackend')],
)
tta_model = dict(type='AverageClsScoreTTA')
log_processor = dict(by_epoch=True)
