"""Which operations a forward pass is made of, and whether spikes or real values go into them."""

from .network import network_outputs
from .records import Operation, Operations
from .trace import OperationTrace, trace_network
from .values import CONSTANT, Constant, Real, Spikes, Value

__all__ = [
    'CONSTANT',
    'Constant',
    'Operation',
    'OperationTrace',
    'Operations',
    'Real',
    'Spikes',
    'Value',
    'network_outputs',
    'trace_network',
]
