"""Heads for mmdet, which needs mmcv's compiled ops."""

from .spike2former_panoptic_head import Spike2FormerPanopticHead, Spike2FormerPointHead

__all__ = ['Spike2FormerPanopticHead', 'Spike2FormerPointHead']
