"""Finds the model inside wrappers."""

from typing import Any

from torch import nn


def unwrap(model: nn.Module) -> Any:
    """Return the model that data-parallel and test-time-augmentation wrappers hold.

    Args:
        model: A model, with or without mmengine's wrappers.

    Returns:
        The innermost model, as ``Any``, because a model has methods that ``nn.Module`` lacks.
    """
    # Imported here, because the import of this folder must not import mm libraries.
    from mmengine.model import BaseTTAModel, is_model_wrapper

    inner: Any = model
    while is_model_wrapper(inner) or isinstance(inner, BaseTTAModel):
        inner = inner.module
    return inner
