"""The line of an error: each of several processes says its own error, with its rank."""

import os
import socket
import sys
from datetime import timedelta
from hashlib import sha256
from typing import Any

_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK', 'LOCAL_RANK')
_PATIENCE = 2.0  # seconds


def is_first() -> bool:
    """Tell whether this is the first process of the run, or its only one."""
    return _rank() == '0'


def say_error(message: str) -> None:
    """Print an error on stderr.

    One of several processes adds its rank. If several processes have the same error, one of them
    says it.

    Args:
        message: The sentence for the user.
    """
    rank = _rank()
    if rank == '0' and os.environ.get('WORLD_SIZE', '1') == '1':
        print(f'error: {message}', file=sys.stderr, flush=True)
        return
    key = f'spikedense/error/{sha256(message.encode()).hexdigest()}'
    store = _store()
    if store is not None and _said_by_another(store, key):
        return
    print(f'error: rank {rank}: {message}', file=sys.stderr, flush=True)
    if store is not None:
        try:
            store.set(f'{key}/said', '1')
        except RuntimeError:  # the process with the store has ended
            return


def _rank() -> str:
    return next((os.environ[name] for name in _RANKS if name in os.environ), '0')


def _store() -> Any:
    """Connect to the key-value store of the run; return None if there is none."""
    address, port = os.environ.get('MASTER_ADDR'), os.environ.get('MASTER_PORT', '')
    if address is None or not port.isdigit():
        return None
    # It is imported here, because the help of a command needs no torch.
    from torch.distributed import DistError, TCPStore

    try:
        # torch tries again and again, with a warning each time.
        socket.create_connection((address, int(port)), _PATIENCE).close()
        wait = timedelta(seconds=_PATIENCE)
        return TCPStore(address, int(port), is_master=False, timeout=wait)
    except (OSError, DistError):
        return None


def _said_by_another(store: Any, key: str) -> bool:
    """Tell whether another process has printed the sentence; the first one that asks prints it.

    A process that ends with an error makes the launcher end the others, so this one waits until
    the sentence is printed. If it is not printed in time, the answer is no.
    """
    try:
        if store.add(key, 1) == 1:
            return False
        store.wait([f'{key}/said'], timedelta(seconds=_PATIENCE))
    except RuntimeError:
        return False
    return True
