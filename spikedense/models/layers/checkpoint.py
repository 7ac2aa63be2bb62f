"""Activation checkpointing that leaves running statistics alone."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def _replayed_buffers(module: nn.Module, before: list[Tensor]) -> Iterator[None]:
    """Recomputes from the buffers of the first forward pass, and undoes its second update."""
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
    """Runs a module and recomputes its activations in the backward pass.

    A plain checkpoint would update the running statistics of batch norms twice, and RepConv,
    which pads with them, would not even recompute the same values.

    Args:
        module: Maps ``x`` to a tensor.
        x: Input.

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
