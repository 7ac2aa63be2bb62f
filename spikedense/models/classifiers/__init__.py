"""Image classifiers for mmpretrain."""

from .hard_distillation import HardDistillation

__all__ = ['HardDistillation']
