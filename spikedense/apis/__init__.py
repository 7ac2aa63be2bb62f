"""What the commands run: training, testing, conversion and benchmarks."""

from .launch import test, train

__all__ = ['test', 'train']
