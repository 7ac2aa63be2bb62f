"""Tells whether fast code for CPUs can replace plain operations."""

import torch
from torch import Tensor
from torch.utils._python_dispatch import _len_torch_dispatch_stack


def is_eager_cpu(x: Tensor) -> bool:
    """Tell whether nothing but the result of an operation matters, on a CPU.

    A graph, a trace of the operations and autocast need the plain operations.

    Args:
        x: The input of the operation.
    """
    return (
        x.device.type == 'cpu'
        and x.dtype in (torch.float32, torch.float64)
        and not torch.is_autocast_enabled('cpu')
        and not torch.jit.is_tracing()
        and not torch.compiler.is_compiling()
        and _len_torch_dispatch_stack() == 0
    )
