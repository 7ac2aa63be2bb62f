"""The table of twins: modules that replace others if spikes are sent one by one."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from spikedense.utils.answers import ClassTable

#: Builds a twin from a module and the numbers of virtual steps of the module's arguments.
MakeTwin = Callable[..., nn.Module]


@dataclass(frozen=True)
class _Twin:
    make: MakeTwin
    binary: bool


_TWINS: ClassTable[_Twin] = ClassTable()


def twin_of(*classes: type, binary: bool = False) -> Callable[[MakeTwin], MakeTwin]:
    """Return a decorator that registers the spike-driven twin of some classes.

    The decorated class or function gets the module and ``levels``: the number of virtual steps of
    each tensor argument of the module (1 for a tensor without spikes). The ``forward`` of the twin
    takes the same tensors, with the virtual steps merged into the batch axis (see
    :class:`SpikeTrain`), and returns what the module returns. If the module returns spikes (a sum
    or an elementwise product of two spiking tensors), its twin returns them in virtual steps.

    Args:
        *classes: Classes of weighted layers or of products. A subclass that overrides a method
            needs its own twin.
        binary: Whether the twin is needed even if all spikes are binary. Most products of binary
            spikes need no twin.
    """

    def register(make: MakeTwin) -> MakeTwin:
        _TWINS.register(*classes)(_Twin(make, binary))
        return make

    return register


def has_twin(module: nn.Module) -> bool:
    """Tell whether a twin is registered for the class of a module."""
    return _TWINS.find(module) is not None


def build_twin(module: nn.Module, levels: tuple[int, ...]) -> nn.Module:
    """Build the twin of a module.

    Args:
        module: A module that has a twin.
        levels: Number of virtual steps of each tensor argument.

    Returns:
        The twin; or the module itself, if all spikes are binary and the module can read them.
    """
    twin = _TWINS.find(module)
    if twin is None or (max(levels, default=1) == 1 and not twin.binary):
        return module
    return twin.make(module, levels)


def known_classes() -> tuple[type, ...]:
    """Return the classes that have a twin."""
    return _TWINS.classes
