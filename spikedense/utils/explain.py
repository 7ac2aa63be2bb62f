"""Translates exceptions into one sentence for the user.

The user can repair a path, a key, a class name or a checkpoint. Any other exception is a bug of
this package, and is not translated.
"""

import re
from types import TracebackType
from typing import Any

from spikedense.errors import UserError

from .explain_data import explain_data
from .explain_library import explain_library, failed_assertion
from .explain_run import explain_run
from .known_names import nearest, registered_names
from .mmcv_ops import torchvision_misfit
from .signatures import accepted_parameters
from .tracebacks import worker_text

_NOT_REGISTERED = re.compile(r'([\w.]+) is not in the (?:(\w+)::)?([\w ]+) registry')
_NOT_FOUND_BY_STRING = re.compile(r'Failed to get ([\w.]+)$')
_BAD_ARGUMENT = re.compile(r"(?:(\w+)\.)?(\w+)\(\) got an unexpected keyword argument '(\w+)'")
_MISSING_ARGUMENT = re.compile(r'(?:(\w+)\.)?(\w+)\(\) missing \d+ required .*arguments?: (.+)')
_TORCHVISION_MISFIT = re.compile(
    r'torchvision::\w+ does not exist|torchvision were compiled with different CUDA'
)
_OF_ARGUMENTS = (ValueError, TypeError, LookupError, AssertionError, ArithmeticError)
_BUILD_FUNCTIONS = {'build_from_cfg', 'build_optimizer_from_cfg', 'build_scheduler_from_cfg'}


def translate(exc: BaseException) -> str | None:
    """Return the sentence for the user, if the user can repair the cause of an exception.

    Args:
        exc: Any exception.

    Returns:
        One line without a final full stop, or None for an exception of another kind.
    """
    message = _translate(exc)
    return None if message is None else ' '.join(message.split()).rstrip('.')


def _translate(exc: BaseException) -> str | None:
    text = exc.args[0] if exc.args and isinstance(exc.args[0], str) else str(exc)
    from_worker = worker_text(exc) is not None
    if isinstance(exc, UserError) and not from_worker:
        return text
    sentence = explain_run(exc, text)
    if sentence is not None:
        return sentence
    if isinstance(exc, OSError) and exc.filename is not None:
        return _os_error(exc)
    sentence = explain_data(exc, text)
    if sentence is not None or from_worker:
        return sentence
    if isinstance(exc, OSError):
        return _os_error(exc)
    if isinstance(exc, RuntimeError) and _TORCHVISION_MISFIT.search(text):
        return '{}; install a matching pair: `{}`'.format(*torchvision_misfit())
    if isinstance(exc, SyntaxError) and exc.filename is not None:
        return f'{exc.filename}, line {exc.lineno}: {exc.msg}'
    if type(exc).__name__ == 'ConfigParsingError':
        return text
    return _registry_error(text) or _build_error(exc, text) or explain_library(exc, text)


def _os_error(exc: OSError) -> str:
    if isinstance(exc, FileNotFoundError) and exc.filename is not None:
        name = str(exc.filename)
        hint = ''
        if 'data' in re.split(r'[\\/]', name):
            hint = ' (docs/data.md says how each data set is laid out under data/)'
        return f"no such file or folder: '{name}'{hint}"
    if exc.filename is not None:
        return f"{exc.strerror}: '{exc.filename}'"
    return str(exc)


def _registry_error(text: str) -> str | None:
    """Explain an unknown class name in a config."""
    match = _NOT_REGISTERED.search(text)
    if match is None:
        by_string = _NOT_FOUND_BY_STRING.search(text)
        return None if by_string is None else f"the config names an unknown class '{by_string[1]}'"
    name, scope, kind = match.groups()
    return f"the config names an unknown {kind} type='{name}'" + nearest(
        name, registered_names(kind, scope, name.rpartition('.')[0])
    )


def _build_error(exc: BaseException, text: str) -> str | None:
    """Explain an error of a constructor that mmengine called with arguments of a config."""
    built = _class_being_built(exc.__traceback__)
    if built is None or not isinstance(exc, _OF_ARGUMENTS):
        return None
    family = {cls.__name__ for cls in getattr(built, '__mro__', ())} | {built.__name__}
    match = _BAD_ARGUMENT.search(text)
    if match is not None and (match[1] or match[2]) in family:
        known = accepted_parameters(built)[0]
        return f"{built.__name__} takes no argument '{match[3]}'" + nearest(match[3], known)
    match = _MISSING_ARGUMENT.search(text)
    if match is not None and (match[1] or match[2]) in family:
        return f'{built.__name__} needs {match[3]}, which the config does not give'
    text = text or failed_assertion(exc) or 'its arguments in the config do not fit'
    return f'{built.__name__}: {text}'


def _class_being_built(traceback: TracebackType | None) -> Any:
    """Return the innermost class that mmengine was building when the exception was raised."""
    built = None
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in _BUILD_FUNCTIONS:
            found = frame.f_locals.get('obj_cls', frame.f_locals.get('scheduler_cls'))
            built = found if hasattr(found, '__name__') else built
        traceback = traceback.tb_next
    return built
