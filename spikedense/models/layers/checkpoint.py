"""Activation checkpointing that updates running statistics only once."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def _replayed_buffers(module: nn.Module, before: list[Tensor]) -> Iterator[None]:
    """Recompute from the buffers before the first forward pass, then restore the current buffers.

    Args:
        module: The module.
        before: The buffers before the first forward pass.
    """
    after = [b.clone() for b in module.buffers()]
    with torch.no_grad():
        for buffer, value in zip(module.buffers(), before, strict=True):
            buffer.copy_(value)
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(module.buffers(), after, strict=True):
                buffer.copy_(value)


def checkpoint_block(module: nn.Module, x: Tensor) -> Tensor:
    """Run a module and recompute its activations in the backward pass, to save memory.

    A plain checkpoint updates the running statistics of batch norms twice. RepConv pads with these
    statistics, so a plain checkpoint would also recompute other values.

    Args:
        module: Maps ``x`` to a tensor.
        x: The input.

    Returns:
        ``module(x)``.
    """
    before = [b.clone() for b in module.buffers()]
    return checkpoint(
        module,
        x,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), _replayed_buffers(module, before)),
    )
