"""Finds the model inside wrappers."""

from typing import Any

from torch import nn


def unwrap(model: nn.Module) -> Any:
    """Return the model that wrappers hold.

    Wrappers are those of data-parallel training, of test-time augmentation, of averaged weights and
    of ``torch.compile``.

    Args:
        model: A model, with or without wrappers.

    Returns:
        The innermost model, as ``Any``, because a model has methods that ``nn.Module`` lacks.
    """
    inner: Any = model
    while (name := _held(inner)) is not None:
        inner = getattr(inner, name)
    return inner


def replace_inner(holder: Any, name: str, model: nn.Module) -> None:
    """Replace the model that an object holds, inside of the wrappers of the model.

    Args:
        holder: The object, such as a runner.
        name: Its attribute with the model.
        model: The new model.
    """
    while (below := _held(getattr(holder, name))) is not None:
        holder, name = getattr(holder, name), below
    setattr(holder, name, model)


def _held(model: Any) -> str | None:
    """Return the attribute of a wrapper with the model inside; None for a model."""
    # Imported here, because the import of this folder must not import mm libraries.
    from mmengine.model import BaseAveragedModel, BaseTTAModel, is_model_wrapper

    if is_model_wrapper(model) or isinstance(model, BaseTTAModel | BaseAveragedModel):
        return 'module'
    # A compiled model is of a private class of torch.
    return '_orig_mod' if isinstance(getattr(model, '_orig_mod', None), nn.Module) else None
