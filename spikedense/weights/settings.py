"""What changes the output of a model but is no weight: neurons, steps, normalisation, classes.

The sizes of the maps in training are kept too, for layers whose result depends on the size.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from spikedense.neurons import BaseNeuron
from spikedense.utils.unwrap import unwrap

#: Key of the settings in the ``meta`` of a checkpoint.
SETTINGS = 'settings'
#: Key of the sizes in the settings, and name of the attribute of a layer that remembers them.
_SIZES = 'trained_sizes'
_PREPROCESSOR = ('mean', 'std', '_channel_conversion')


def read_settings(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Read the settings of a model, which its checkpoints keep.

    Args:
        model: The model, maybe inside of mmengine's wrappers.

    Returns:
        Plain values by names of modules: ``neurons``, ``steps`` (T), ``preprocessor`` and
        ``trained_sizes``.
    """
    inner = unwrap(model)
    modules = dict(inner.named_modules())
    preprocessor = getattr(inner, 'data_preprocessor', None)
    return {
        'neurons': {n: m.settings() for n, m in modules.items() if isinstance(m, BaseNeuron)},
        'steps': {n: m.T for n, m in modules.items() if type(getattr(m, 'T', None)) is int},
        'preprocessor': {
            name.removeprefix('_'): _plain(getattr(preprocessor, name))
            for name in _PREPROCESSOR
            if hasattr(preprocessor, name)
        },
        _SIZES: {
            n: [list(size) for size in getattr(m, _SIZES)]
            for n, m in modules.items()
            if getattr(m, _SIZES, ())
        },
    }


def keep_settings(model: nn.Module, meta: dict[str, Any]) -> None:
    """Add the settings of a model to the ``meta`` of its checkpoint.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        meta: The ``meta``, changed in place.
    """
    meta[SETTINGS] = read_settings(model)


def tell_sizes(model: nn.Module, checkpoint: Mapping[str, Any]) -> None:
    """Tell the layers that depend on the size of their map the sizes that they were trained with.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        checkpoint: Content of the file that the weights are from; maybe without settings.
    """
    meta = checkpoint.get('meta')
    saved = meta.get(SETTINGS) if isinstance(meta, Mapping) else None
    sizes = saved.get(_SIZES) if isinstance(saved, Mapping) else None
    modules = dict(unwrap(model).named_modules())
    for name, found in sizes.items() if isinstance(sizes, Mapping) else ():
        if hasattr(modules.get(name), _SIZES):
            setattr(modules[name], _SIZES, _pairs(found))


def _pairs(found: Any) -> tuple[tuple[int, ...], ...]:
    """Return the sizes in a value of a file, and nothing for any other value."""
    pairs = found if isinstance(found, list | tuple) else ()
    return tuple(
        tuple(pair)
        for pair in pairs
        if isinstance(pair, list | tuple) and [type(n) for n in pair] == [int, int]
    )


def other_settings(
    model: nn.Module, checkpoint: Mapping[str, Any], classes: Sequence[str] | None = None
) -> list[str]:
    """Compare the settings of a model with those that its weights were trained with.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        checkpoint: Content of the file. One that was written without settings, by another code
            base for example, is compared by its classes alone.
        classes: Names of the classes of the data; None compares none.

    Returns:
        What differs, a text for each kind.
    """
    meta = checkpoint.get('meta')
    meta = meta if isinstance(meta, Mapping) else {}
    saved, own = meta.get(SETTINGS), read_settings(model)
    found = []
    if isinstance(saved, Mapping):
        _add_replaced(model, own['neurons'], saved.get('neurons'))
        for kind, values in own.items():
            other = None if kind == _SIZES else saved.get(kind)
            if isinstance(other, Mapping):
                found += _compare(kind, values, other)
    return found + _compare_classes(classes, meta.get('dataset_meta'))


def _add_replaced(model: nn.Module, own: dict[str, Any], saved: Any) -> None:
    """Add the modules, such as a ReLU, that stand where the checkpoint has neurons."""
    modules = dict(unwrap(model).named_modules())
    for name in saved if isinstance(saved, Mapping) else ():
        if name in modules:
            own.setdefault(name, type(modules[name]).__name__)


def _compare(kind: str, own: Mapping[str, Any], saved: Mapping[str, Any]) -> list[str]:
    pairs = defaultdict(list)
    for name, value in own.items():
        if name in saved and saved[name] != value:
            pairs[_shown(value), _shown(saved[name])].append(name)
    texts = []
    if kind == 'neurons' and own and not saved:
        texts.append(f'the model has {len(own)} neurons, that of the checkpoint none')
    for (now, before), names in pairs.items():
        if kind == 'neurons':
            what = f'{len(names)} of {len(own)} neurons'
            where = f', such as {names[0]},' if len(names) > 1 else f' ({names[0]})'
            texts.append(f'{what}{where} are {now}, those of the checkpoint {before}')
        else:
            key = f'{names[0]}.T' if kind == 'steps' else f'data_preprocessor.{names[0]}'
            texts.append(f'{key} is {now}, that of the checkpoint {before}')
    return texts


def _compare_classes(classes: Sequence[str] | None, saved: Any) -> list[str]:
    """Compare the order of the classes; names that differ may be other names of one class."""
    before = saved.get('classes') if isinstance(saved, Mapping) else None
    if classes is None or not isinstance(before, list | tuple) or list(before) == list(classes):
        return []
    if sorted(map(str, before)) != sorted(map(str, classes)):
        return []
    i = next(i for i, (a, b) in enumerate(zip(classes, before, strict=True)) if a != b)
    return [f"class {i} of the data is '{classes[i]}', that of the checkpoint '{before[i]}'"]


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f'[{", ".join(map(_shown, value))}]'
    return f'{value:g}' if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    """Turn a tensor ``[C, 1, 1]`` into a list of numbers; other values stay."""
    return value.flatten().tolist() if isinstance(value, Tensor) else value
