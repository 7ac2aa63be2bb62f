"""The guarded runner, hooks and optimizer wrappers."""

# mmengine imports this room for a config that names one of our classes.
from spikedense import checkpoint_files  # noqa: F401

from .checkpoint_hook import DurableCheckpointHook
from .finite_hook import FiniteHook
from .firing_monitor_hook import FiringMonitorHook
from .firing_rate_hook import FiringRateHook
from .float32_currents_hook import Float32CurrentsHook
from .float64_hook import Float64Hook
from .non_stateful_hook import NonStatefulHook
from .optim_wrapper import BFloat16OptimWrapper
from .output_names import LabelMapNamesHook
from .overlay_hook import OverlayHook
from .predictions_hook import ImagePrediction, PredictionsHook
from .reconstruction_hook import ReconstructionHook
from .runner import GuardedRunner
from .spike_inference_hook import SpikeInferenceHook
from .stop_hook import StopHook

__all__ = [
    'BFloat16OptimWrapper',
    'DurableCheckpointHook',
    'FiniteHook',
    'FiringMonitorHook',
    'FiringRateHook',
    'Float32CurrentsHook',
    'Float64Hook',
    'GuardedRunner',
    'ImagePrediction',
    'LabelMapNamesHook',
    'NonStatefulHook',
    'OverlayHook',
    'PredictionsHook',
    'ReconstructionHook',
    'SpikeInferenceHook',
    'StopHook',
]
