"""What a library says on purpose about a part of the config, with the key of that part."""

import ast
import linecache
from typing import Any

from .tracebacks import (
    LIBRARIES,
    frames,
    kinds,
    objects,
    package,
    phase,
    raised_by_library,
    worker_text,
)

#: Base class of what a config names -> the key of the config; ``{}`` is train, val or test.
_KEYS = {
    'BaseMetric': '{}_evaluator',
    'Hook': 'default_hooks or custom_hooks',
    '_ParamScheduler': 'param_scheduler',
    'BaseTransform': '{}_dataloader.dataset.pipeline',
    'BaseDataset': '{}_dataloader.dataset',
    'BaseDataPreprocessor': 'model.data_preprocessor',
    'OptimWrapper': 'optim_wrapper',
    'Optimizer': 'optim_wrapper.optimizer',
    'Module': 'model',
    'BaseLoop': '{}_cfg',
    'Runner': 'the config',
}
#: Here an error can be a fault of the project, because the project calls the library.
_OWN = tuple(f'spikedense.{name}.' for name in ('models', 'neurons', 'ops', 'datasets'))


def explain_library(exc: BaseException, text: str) -> str | None:
    """Give the text of a library with the part of the config that it is about.

    Args:
        exc: The exception.
        text: Its message.

    Returns:
        The sentence; None if no library has raised the exception on purpose, or if the part of the
        config is not known.
    """
    if worker_text(exc) is not None or not (raised_by_library(exc) or _wrong_key(exc, text)):
        return None
    text = text or failed_assertion(exc) or ''
    # A message of one word is a key or a name, not a text for a user.
    if len(text.split()) < 2:
        return None
    for value, frame in objects(exc):
        if str(frame.f_globals.get('__name__', '')).startswith(_OWN):
            return None
        base = next((name for name in kinds(value) if name in _KEYS), None)
        if base is not None:
            key = _KEYS[base].format(phase(exc) or _phase_of(value, exc))
            if base == 'Module':
                key = _module_name(value, exc) or key
            who = '' if base == 'Runner' else f' {type(value).__name__}:'
            return f'{key}:{who} {text}'
    return None


def _wrong_key(exc: BaseException, text: str) -> bool:
    """Tell whether a library called a function with keys of the config that it does not take."""
    return (
        isinstance(exc, TypeError)
        and 'unexpected keyword argument' in text
        and bool(frames(exc))
        and package(frames(exc)[-1]) in LIBRARIES
    )


def _phase_of(value: Any, exc: BaseException) -> str:
    """Return the phase of a part that is used before its loop runs."""
    for frame in frames(exc):
        for now in ('train', 'val', 'test'):
            if frame.f_code.co_name == f'build_{now}_loop':
                return now
    return 'train'


def _module_name(module: Any, exc: BaseException) -> str | None:
    """Return the place of a module in the model of the runner: ``model.decode_head``."""
    for value, _ in objects(exc):
        if 'Runner' in kinds(value) or 'BaseLoop' in kinds(value):
            model: Any = getattr(getattr(value, 'runner', value), 'model', None)
            if hasattr(model, 'named_modules'):
                for name, inner in model.named_modules():
                    if inner is module:
                        return f'model.{name}'.rstrip('.').replace('model.module.', 'model.')
    return None


def failed_assertion(exc: BaseException) -> str | None:
    """Say what an ``assert`` without a message expected, and which values it found.

    Args:
        exc: The exception.

    Returns:
        The text; None for another exception, or for a statement of several lines.
    """
    traceback = exc.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or not isinstance(exc, AssertionError):
        return None
    frame = traceback.tb_frame
    line = linecache.getline(frame.f_code.co_filename, traceback.tb_lineno).strip()
    try:
        (statement,) = ast.parse(line).body
    except (SyntaxError, ValueError):
        return None  # the statement has several lines
    if not isinstance(statement, ast.Assert):
        return None
    named = [node for node in ast.walk(statement.test) if isinstance(node, ast.Name)]
    names = dict.fromkeys(node.id for node in sorted(named, key=lambda node: node.col_offset))
    found = [f'{name}={frame.f_locals[name]!r}' for name in names if name in frame.f_locals]
    return f'{", ".join(found)}, expected {ast.unparse(statement.test)}'
