"""Classification heads for mmpretrain."""

from .spike_cls_head import SpikeClsHead

__all__ = ['SpikeClsHead']
