"""Spiking neurons. All keep the contract of :class:`BaseNeuron`; configs build them."""

from .ann import ReLU
from .base import BaseNeuron
from .build import build_neuron
from .default import neuron_or_default
from .integer import ILIF, NILIF, EvalClampedNILIF
from .lif import IF, LIF, PLIF
from .lif_units import LIFUnits
from .questions import after_sigmoid, comparing, from_rest, rescaled_input
from .sigmoid_l2 import SigmoidL2NILIF
from .spk import HSL, MBPL, RL, SL
from .stateful import set_stateful
from .strict import StrictLIF
from .threshold import ThresholdNeuron
from .variants import binary_gate, half_threshold, hidden_neuron, non_stateful
from .weighted import WeightedNeuron

__all__ = [
    'HSL',
    'IF',
    'ILIF',
    'LIF',
    'MBPL',
    'NILIF',
    'PLIF',
    'RL',
    'SL',
    'BaseNeuron',
    'EvalClampedNILIF',
    'LIFUnits',
    'ReLU',
    'SigmoidL2NILIF',
    'StrictLIF',
    'ThresholdNeuron',
    'WeightedNeuron',
    'after_sigmoid',
    'binary_gate',
    'build_neuron',
    'comparing',
    'from_rest',
    'half_threshold',
    'hidden_neuron',
    'neuron_or_default',
    'non_stateful',
    'rescaled_input',
    'set_stateful',
]
