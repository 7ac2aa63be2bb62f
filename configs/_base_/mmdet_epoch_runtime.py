# The runtime of detectors whose schedule counts epochs.
_base_ = './mmdet_runtime.py'
log_processor = dict(by_epoch=True)
