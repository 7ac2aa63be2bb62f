"""The end of a command line that failed: one sentence and an exit code."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from spikedense.utils.explain import translate
from spikedense.utils.signals import handled, raise_interrupted

from .quiet import quiet_libraries
from .ranks import is_first, say_error

EXIT_CODE = 2
DEBUG_VARIABLE = 'SPIKEDENSE_DEBUG'


@contextmanager
def report_errors(debug: bool = False) -> Iterator[None]:
    """Print an error of the user as one line on stderr and exit with code 2.

    Each of several processes prints its own error (see :mod:`spikedense.commands.ranks`).

    An error that the user cannot repair keeps its traceback, because it is a bug. Messages of the
    libraries that tell a user nothing are not shown (see :mod:`spikedense.commands.quiet`).

    Args:
        debug: Raise every error with its traceback. The environment variable
            ``SPIKEDENSE_DEBUG=1`` does the same.

    Raises:
        SystemExit: With code 2 after an error of the user; after Ctrl-C and other signals with 128
            plus the number of the signal, as a shell does.
    """
    try:
        # SIGTERM ends a process without a chance to remove what is half-written.
        with quiet_libraries(), handled(raise_interrupted):
            yield
    except KeyboardInterrupt as exc:
        if debug:
            raise
        if is_first():
            print(f'\n{exc}' if exc.args else '\ninterrupted', file=sys.stderr, flush=True)
        raise SystemExit(128 + getattr(exc, 'signal', signal.SIGINT)) from None
    except Exception as exc:
        message = translate(exc)
        if message is None or debug or os.environ.get(DEBUG_VARIABLE, '0') not in ('', '0'):
            raise
        say_error(message)
        raise SystemExit(EXIT_CODE) from None
