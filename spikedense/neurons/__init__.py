"""Spiking neurons: one build function, one contract (see :class:`BaseNeuron`)."""

from .ann import ReLU
from .base import BaseNeuron
from .build import build_neuron
from .integer import ILIF, NILIF, EvalClampedNILIF
from .lif import IF, LIF, PLIF
from .sigmoid_l2 import SigmoidL2NILIF

__all__ = [
    'IF',
    'ILIF',
    'LIF',
    'NILIF',
    'PLIF',
    'BaseNeuron',
    'EvalClampedNILIF',
    'ReLU',
    'SigmoidL2NILIF',
    'build_neuron',
]
