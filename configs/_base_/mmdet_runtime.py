# The runtime of detectors. Nothing merges masks over augmented copies, so there is no default for it.
_base_ = './default_runtime.py'
default_scope = 'mmdet'
visualizer = dict(type='DetLocalVisualizer')
tta_model = None
