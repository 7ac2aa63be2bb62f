"""torchrun without its report of failed processes: ``python -m spikedense.commands.torchrun``.

Each process says its own error. The report of torchrun is a traceback of torchrun, which would be
the last and longest text on the screen.
"""

import logging
import os
import signal
import sys

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun


def main() -> None:
    """Start the processes of a tool, with the arguments of torchrun.

    Raises:
        SystemExit: With the exit code of the first process that failed; 128 plus the number of the
            signal, as a shell does, if a signal ended the process or torchrun itself.
    """
    for name in ('', '.agent.server.api'):
        logging.getLogger(f'torch.distributed.elastic{name}').setLevel(logging.CRITICAL)
    # torchrun hands these on to the processes, and ends them after 30 seconds.
    os.environ.setdefault('PET_SIGNALS_TO_HANDLE', 'SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1')
    try:
        torchrun()
    except SignalException as exc:
        raise SystemExit(128 + exc.sigval) from None
    except ChildFailedError as exc:
        rank, failure = exc.get_first_failure()
        if failure.exitcode < 0:
            name = signal.Signals(-failure.exitcode).name
            # A process that is killed says nothing.
            print(f'error: rank {rank}: ended by {name}', file=sys.stderr, flush=True)
            raise SystemExit(128 - failure.exitcode) from None
        raise SystemExit(failure.exitcode) from None


if __name__ == '__main__':
    main()
