"""The model inside of wrappers."""

from typing import Any

from torch import nn


def unwrap(model: nn.Module) -> Any:
    """Return the model that data-parallel and test-time-augmentation wrappers hold.

    Args:
        model: A model, maybe inside of mmengine's wrappers.

    Returns:
        The innermost model; typed loosely, because a model has methods that ``nn.Module`` lacks.
    """
    # Not on import: the other helpers of this folder need no mm library.
    from mmengine.model import BaseTTAModel, is_model_wrapper

    inner: Any = model
    while is_model_wrapper(inner) or isinstance(inner, BaseTTAModel):
        inner = inner.module
    return inner
