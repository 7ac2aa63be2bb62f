# The runtime of detectors. It has no test-time augmentation, because mmdet cannot merge masks of several copies.
_base_ = './default_runtime.py'
default_scope = 'mmdet'
visualizer = dict(type='DetLocalVisualizer')
tta_model = None
