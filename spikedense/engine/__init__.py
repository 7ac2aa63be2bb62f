"""The guarded runner, hooks and optimizer wrappers."""

# mmengine imports this room for a config that names one of our classes.
from spikedense import checkpoint_files  # noqa: F401

from .checkpoint_hook import DurableCheckpointHook
from .firing_monitor_hook import FiringMonitorHook
from .firing_rate_hook import FiringRateHook
from .float64_hook import Float64Hook
from .optim_wrapper import BFloat16OptimWrapper
from .output_names import LabelMapNamesHook
from .overlay_hook import OverlayHook
from .predictions_hook import ImagePrediction, PredictionsHook
from .runner import GuardedRunner
from .spike_inference_hook import SpikeInferenceHook

__all__ = [
    'BFloat16OptimWrapper',
    'DurableCheckpointHook',
    'FiringMonitorHook',
    'FiringRateHook',
    'Float64Hook',
    'GuardedRunner',
    'ImagePrediction',
    'LabelMapNamesHook',
    'OverlayHook',
    'PredictionsHook',
    'SpikeInferenceHook',
]
