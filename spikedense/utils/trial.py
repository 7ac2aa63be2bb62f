"""A trial run of a part of a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


def trial_run(module: nn.Module, maps: Any) -> Any:
    """Run a part of a model, without a trace in the model.

    Args:
        module: The part.
        maps: Its input.

    Returns:
        Its output; None if it raises an error.
    """
    try:
        with torch.no_grad(), _in_eval_mode(module):
            return module(maps)
    except Exception:  # whatever it is: the caller decides what a failure means
        return None


@contextmanager
def _in_eval_mode(module: nn.Module) -> Iterator[None]:
    """Put a module into eval mode, so that it keeps its running statistics."""
    modes = [(part, part.training) for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
