"""Which module takes the place of another one when spikes are sent one by one."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from spikedense.utils.answers import ClassTable

#: Builds a twin from a module and the virtual steps of its tensor arguments.
MakeTwin = Callable[..., nn.Module]


@dataclass(frozen=True)
class _Twin:
    make: MakeTwin
    binary: bool


_TWINS: ClassTable[_Twin] = ClassTable()


def twin_of(*classes: type, binary: bool = False) -> Callable[[MakeTwin], MakeTwin]:
    """Return a decorator that registers the spike-driven twin of some classes.

    It decorates a class, or a function, that is called with the module and with ``levels``: the
    number of virtual steps of each tensor that the module is called with (1 for a tensor that is no
    spikes). The twin's ``forward`` takes the same tensors, the virtual steps of each on the batch
    axis, the fastest of it (see :class:`SpikeTrain`), and returns what the module returns.

    Args:
        *classes: Classes of weighted layers or of products. A subclass that overrides a method
            needs a twin of its own.
        binary: Whether the twin is needed even if all spikes are binary. A product of binary spikes
            is the same module in most cases.
    """

    def register(make: MakeTwin) -> MakeTwin:
        _TWINS.register(*classes)(_Twin(make, binary))
        return make

    return register


def has_twin(module: nn.Module) -> bool:
    """Whether a twin is registered for a module's class."""
    return _TWINS.find(module) is not None


def build_twin(module: nn.Module, levels: tuple[int, ...]) -> nn.Module:
    """Build the twin of a module.

    Args:
        module: A module that has a twin.
        levels: Virtual steps of its tensors.

    Returns:
        The twin, or the module itself if it takes binary spikes as it is.
    """
    twin = _TWINS.find(module)
    if twin is None or (max(levels, default=1) == 1 and not twin.binary):
        return module
    return twin.make(module, levels)


def known_classes() -> tuple[type, ...]:
    """Return the classes that have a twin."""
    return _TWINS.classes
