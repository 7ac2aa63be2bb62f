"""The guarded runner, hooks and optimizer wrappers."""

from .firing_monitor_hook import FiringMonitorHook
from .firing_rate_hook import FiringRateHook
from .optim_wrapper import BFloat16OptimWrapper
from .overlay_hook import OverlayHook
from .runner import GuardedRunner
from .spike_inference_hook import SpikeInferenceHook

__all__ = [
    'BFloat16OptimWrapper',
    'FiringMonitorHook',
    'FiringRateHook',
    'GuardedRunner',
    'OverlayHook',
    'SpikeInferenceHook',
]
