"""Replaces modules inside a model."""

from torch import nn


def replace_module(model: nn.Module, name: str, new: nn.Module) -> None:
    """Replace a module of a model by another module.

    Args:
        model: The model, changed in place.
        name: Name of the old module in the model.
        new: The new module.
    """
    parent, _, child = name.rpartition('.')
    setattr(model.get_submodule(parent), child, new)
