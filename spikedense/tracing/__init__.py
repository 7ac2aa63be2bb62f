"""Lists the operations of a forward pass, and whether they read spikes or real values."""

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
