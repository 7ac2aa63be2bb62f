"""Effective receptive fields of spiking networks, in space and time (ST-ERF)."""

from .compute import st_erf
from .result import ERFResult

__all__ = ['ERFResult', 'st_erf']
