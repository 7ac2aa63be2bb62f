"""Spiking neurons: one build function, one contract (see :class:`BaseNeuron`)."""

from .ann import ReLU
from .base import BaseNeuron
from .build import build_neuron
from .integer import ILIF, NILIF
from .lif import IF, LIF, PLIF

__all__ = ['IF', 'ILIF', 'LIF', 'NILIF', 'PLIF', 'BaseNeuron', 'ReLU', 'build_neuron']
