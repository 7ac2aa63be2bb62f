"""The signals that ask a run to end: what they do in a process and in the processes of a loader."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spikedense.errors import Interrupted

#: Ctrl-C; the end that a shell, a scheduler or torchrun asks for; Slurm's warning before its limit.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Let the stop signals call a function inside of a ``with`` block.

    A signal that the process ignores stays ignored, as the shell wanted it. Only the main thread of
    a process can have handlers: in another thread the block changes nothing.

    Args:
        handler: Gets the number of the signal and the interrupted frame.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.getsignal(number)
        for number in STOP_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            # None stands for a handler that is not of Python.
            signal.signal(number, signal.SIG_DFL if old is None else old)


def raise_interrupted(number: int, frame: Any = None) -> None:
    """Raise :class:`~spikedense.errors.Interrupted`; a handler of signals.

    Args:
        number: Number of the signal.
        frame: Not read.

    Raises:
        Interrupted: Always.
    """
    raise Interrupted(number)


class DeafWorker:
    """The start of a loader's process: the process does not listen to the stop signals.

    Ctrl-C and schedulers signal all processes of a group. The loader of a run that wants to finish
    its iteration must not lose its processes. They end with the run, because the run asks them to.

    Args:
        init: What the process does first otherwise: the ``worker_init_fn`` of the loader.
    """

    def __init__(self, init: Callable[[int], Any] | None = None) -> None:
        self.init = init

    def __call__(self, worker_id: int) -> None:
        """Prepare a process of a loader, in that process.

        Args:
            worker_id: Number of the process in its loader.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        # Python ends the processes of a loader by SIGTERM, so that one must be obeyed.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey_parent, daemon=True).start()
        if self.init is not None:
            self.init(worker_id)


def _obey_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
