"""Answers of modules to questions, and the rule when a subclass inherits an answer.

Folding, spike-driven inference, energy and export need to know facts about a module. They ask the
module (:func:`ask`), or they look the facts up in a table by the class of the module
(:class:`ClassTable`). An answer is right for one way to compute. A subclass that overrides a method
may compute something else, so it does not inherit the answer. Such a subclass gives its own answer,
or it is refused by name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

#: Methods that do not change what ``forward`` computes.
_HARMLESS = frozenset(
    (
        '__init__',
        '__repr__',
        '_check_input_dim',
        'extra_repr',
        'init_weights',
        'loss',
        'predict',
    )
)

#: Methods that change what ``forward`` computes, also if they replace those of ``Module``.
_ALWAYS = frozenset(('__call__', '_call_impl', 'train'))

#: The questions; an answer changes nothing that ``forward`` computes.
QUESTIONS = frozenset(
    (
        'absorb',
        'after_sigmoid',
        'as_conv',
        'attention_memory',
        'chain',
        'comparing',
        'fold_layers',
        'fold_norm',
        'fold_scales',
        'from_rest',
        'macs_by_order',
        'out_layer',
        'parts_of_rois',
        'rescaled_input',
        'scale_operand',
        'spike_grid',
        'stream_tokens',
        'summands',
        'surrogate_gradient',
        'token_scores',
    )
)

#: Base classes without an implementation that a subclass could change.
_EMPTY = frozenset(
    (
        'builtins.object',
        'mmengine.model.base_module.BaseModule',
        'torch.nn.modules.module.Module',
        'typing.Generic',
    )
)

Value = TypeVar('Value')


class Unfoldable(ValueError):
    """A factor, a norm or a layer cannot be folded; the message is the reason."""


@dataclass(frozen=True)
class Folding:
    """One thing that was folded, or could not be folded.

    Args:
        what: ``'RepConv'``, ``'norm'``, ``'separable convolution'``, ``'layer scale'``,
            ``'shortcut weight'``, ``'sigmoid'``, ``'attention scale'``, ``'dilated kernels'``,
            ``'balance'`` or ``'1/D'``.
        where: Name of the module; empty for the module that was asked.
        reason: Why it could not be folded; None if it was folded.
    """

    what: str
    where: str
    reason: str | None = None


def _bases(module: object) -> list[tuple[type, tuple[str, ...]]]:
    """Return each base class, and the names of the methods that the classes below it have changed.

    A ``forward`` that was set on the module itself counts as such a method.
    """
    own = tuple(name for name in ('forward',) if name in getattr(module, '__dict__', ()))
    return [(base, own + changed) for base, changed in _bases_of(type(module))]  # type: ignore[arg-type]


@cache
def _bases_of(cls: type) -> tuple[tuple[type, tuple[str, ...]], ...]:
    """Return each base class of a class, and the methods that the classes below it have changed.

    A changed method replaces the method of a base class. Harmless methods do not count, and neither
    do methods that are abstract in the base class or belong to ``Module`` of torch or mmengine.
    """
    found = []
    changed: tuple[str, ...] = ()
    for i, base in enumerate(cls.__mro__):
        found.append((base, changed))
        if _full_name(base) in _EMPTY:
            continue
        for name, value in vars(base).items():
            if name in _HARMLESS or name in QUESTIONS:
                continue
            is_method = callable(value) or isinstance(value, property)
            if is_method and (name in _ALWAYS or _is_concrete(name, cls.__mro__[i + 1 :])):
                changed += (name,)
    return tuple(found)


def _full_name(cls: type) -> str:
    return f'{cls.__module__}.{cls.__name__}'


def _is_concrete(name: str, classes: Iterable[type]) -> bool:
    """Tell whether the first of the classes that has a method implements the method."""
    for cls in classes:
        if _full_name(cls) not in _EMPTY and name in vars(cls):
            return not getattr(vars(cls)[name], '__isabstractmethod__', False)
    return False


def ask(module: object, question: str) -> Callable[..., Any] | None:
    """Return the method by which a module answers a question.

    Args:
        module: Any module.
        question: Name of the method, such as ``'out_layer'``.

    Returns:
        The bound method; None if no class of the module has such a method.

    Raises:
        Unfoldable: A subclass overrides a method of the class that answers, so that the inherited
            answer may be wrong.
    """
    for base, changed in _bases(module):
        if question in vars(base):
            if changed:
                raise Unfoldable(
                    f'{type(module).__name__} overrides {", ".join(changed)} and has no {question} '
                    f'of its own, only that of {base.__name__}'
                )
            return getattr(module, question)
    return None


def ask_or_none(module: object, question: str) -> Callable[..., Any] | None:
    """Return what :func:`ask` returns, and None if the inherited answer may be wrong."""
    try:
        return ask(module, question)
    except Unfoldable:
        return None


def is_exactly(module: object, *classes: type) -> bool:
    """Tell whether a module computes what one of some classes computes.

    Args:
        module: Any module.
        *classes: The classes.

    Returns:
        Whether the module is of one of the classes, or of a subclass that overrides no method.
    """
    return any(base in classes and not changed for base, changed in _bases(module))


class ClassTable(Generic[Value]):
    """Values by class, also for subclasses that compute what the registered class computes."""

    def __init__(self) -> None:
        self._values: dict[type, Value] = {}

    def register(self, *classes: type) -> Callable[[Value], Value]:
        """Return a decorator that registers a value for some classes.

        Args:
            *classes: The classes.
        """

        def enter(value: Value) -> Value:
            self._values.update(dict.fromkeys(classes, value))
            return value

        return enter

    def find(self, module: object) -> Value | None:
        """Return the value for a module's class.

        Args:
            module: Any module.

        Returns:
            The value of the nearest registered class; None if there is none, or if a subclass
            overrides a method of that class.
        """
        for base, changed in _bases(module):
            if base in self._values:
                return None if changed else self._values[base]
        return None

    @property
    def classes(self) -> tuple[type, ...]:
        """The registered classes."""
        return tuple(self._values)
