"""What runs a model: the guarded runner, hooks and optimizer wrappers."""

from .optim_wrapper import BFloat16OptimWrapper
from .overlay_hook import OverlayHook
from .runner import GuardedRunner, RunError

__all__ = ['BFloat16OptimWrapper', 'GuardedRunner', 'OverlayHook', 'RunError']
