"""Effective receptive fields of spiking networks, in space and time (ST-ERF)."""

from .result import ERFResult

__all__ = ['ERFResult']
