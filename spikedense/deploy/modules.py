"""Changes of a model's tree of modules."""

from torch import nn


def replace_module(model: nn.Module, name: str, new: nn.Module) -> None:
    """Put another module in the place of one.

    Args:
        model: The model, changed in place.
        name: Name of the module.
        new: The other module.
    """
    parent, _, child = name.rpartition('.')
    setattr(model.get_submodule(parent), child, new)
