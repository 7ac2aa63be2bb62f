"""The names that a checkpoint may ask for, besides those that torch itself allows.

A pickle is a program: it names functions and classes, and calls them. mmengine's own list has
``getattr``, by which a file reaches any function from any allowed class. Here each name stands for
a function that does one harmless thing.
"""

from argparse import Namespace
from collections import OrderedDict
from pickle import UnpicklingError
from typing import Any

import numpy as np
from mmengine.logging import HistoryBuffer

_STATISTICS = ('current', 'max', 'mean', 'min')
#: Numbers and texts; arrays of objects hold anything.
_KINDS = 'biufcUS'


class _LogBuffer(HistoryBuffer):
    """Stands for :class:`HistoryBuffer`, and takes its numbers alone.

    mmengine saves the methods of the class in each buffer, and would take back any others.
    """

    def __setstate__(self, state: Any) -> None:
        log, count = (_number_array(state.get(f'_{name}_history')) for name in ('log', 'count'))
        buffer = HistoryBuffer(log, count, int(state['max_length']))
        self.__dict__.update(buffer.__dict__)
        # Also ends the right of the file to change this object again.
        self.__class__ = HistoryBuffer


class _DType:
    """Stands for a dtype of numbers or texts.

    numpy itself would take flags from the file, which can corrupt memory.
    """

    def __init__(self, code: Any, *flags: Any) -> None:
        code = code.decode('ascii') if isinstance(code, bytes) else code
        dtype = np.dtype(code) if isinstance(code, str) else None
        if dtype is None or dtype.kind not in _KINDS:
            raise UnpicklingError(f'GLOBAL numpy.dtype[{code}]')
        self.value = dtype

    def __setstate__(self, state: Any) -> None:
        order: Any = state[1].decode('ascii') if isinstance(state[1], bytes) else state[1]
        self.value = self.value.newbyteorder(order)


class _Array:
    """Stands for an array until the whole file is read."""

    def __init__(self, *empty: Any) -> None:
        self.value = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        raw = raw.encode('latin1') if isinstance(raw, str) else raw
        flat = np.frombuffer(raw, dtype.value)
        self.value = flat.reshape(shape, order='F' if fortran else 'C').copy('K')


def _scalar(dtype: _DType, raw: Any) -> Any:
    raw = raw.encode('latin1') if isinstance(raw, str) else raw
    return np.frombuffer(raw, dtype.value, 1)[0]


def _statistic(owner: Any, name: Any) -> None:
    """Stands for ``getattr``: old checkpoints name the methods of their log buffers by it."""
    if owner is not _LogBuffer or name not in _STATISTICS:
        raise UnpicklingError('GLOBAL builtins.getattr')


def _no_bytes() -> bytes:
    """Stands for ``bytes``, by which the data of an empty array are made."""
    return b''


def _number_array(found: Any) -> np.ndarray:
    return found.value if isinstance(found, _Array) else np.asarray(found, dtype=float)


_NUMPY = {'_reconstruct': _Array, 'scalar': _scalar}
#: Pairs for torch: what a file gets, and the name by which the file asks.
ALLOWED: list[Any] = [
    (_LogBuffer, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_statistic, 'builtins.getattr'),
    (_no_bytes, 'builtins.bytes'),
    (_DType, 'numpy.dtype'),
    (_Array, 'numpy.ndarray'),
    (slice, 'builtins.slice'),
    # The options of a script, in official checkpoints.
    (Namespace, 'argparse.Namespace'),
    *(
        (function, f'numpy.{core}.multiarray.{name}')
        for core in ('core', '_core')
        for name, function in _NUMPY.items()
    ),
]


def with_arrays(content: Any) -> Any:
    """Put the arrays in the places of what stands for them.

    Args:
        content: Content of a file. Dictionaries and lists are changed in place.

    Returns:
        The content; another object for a tuple or an array.
    """
    return _with_arrays(content, {})


def _with_arrays(content: Any, done: dict[int, Any]) -> Any:
    if isinstance(content, _Array):
        return content.value
    # A small file can name one object a billion times: each is looked at once.
    if id(content) in done:
        return done[id(content)][1]
    result = content
    if type(content) is tuple:
        result = tuple(_with_arrays(each, done) for each in content)
    elif type(content) is list:
        done[id(content)] = content, content
        content[:] = [_with_arrays(each, done) for each in content]
    elif type(content) in (dict, OrderedDict):
        done[id(content)] = content, content
        for key, value in content.items():
            content[key] = _with_arrays(value, done)
    elif isinstance(content, Namespace):
        _with_arrays(vars(content), done)
    # The first object is kept, so that no other one gets its number.
    done[id(content)] = content, result
    return result
