"""Launchers and machines: what a config must change to run on this machine."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import distributed

from spikedense.errors import UserError
from spikedense.utils.class_names import class_name

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')

_REQUIRED = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}
_START_WITH = {
    'pytorch': 'tools/dist_train.sh or torchrun',
    'slurm': 'tools/slurm_train.sh or srun',
    'mpi': 'mpirun of Open MPI',
}
_RANKS = {
    'slurm': {'RANK': 'SLURM_PROCID', 'WORLD_SIZE': 'SLURM_NTASKS', 'LOCAL_RANK': 'SLURM_LOCALID'},
    'mpi': {
        'RANK': 'OMPI_COMM_WORLD_RANK',
        'WORLD_SIZE': 'OMPI_COMM_WORLD_SIZE',
        'LOCAL_RANK': 'OMPI_COMM_WORLD_LOCAL_RANK',
    },
}


def is_first_process() -> bool:
    """Tell whether this is the first process of its machine, the only one that prints."""
    return os.environ.get('LOCAL_RANK', '0') == '0'


def is_first_of_all(launcher: str) -> bool:
    """Tell whether this is the first process of a run, also before the processes form a group.

    Args:
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
    """
    if launcher == 'none':
        return True
    return os.environ.get(_RANKS.get(launcher, {}).get('RANK', 'RANK'), '0') == '0'


def say(message: str) -> None:
    """Print a note on stderr, in the first process of each machine.

    Args:
        message: One line.
    """
    if is_first_process():
        print(f'note: {message}', file=sys.stderr, flush=True)


@contextmanager
def process_group(launcher: str) -> Iterator[None]:
    """Join the processes of a launcher into a group, and leave the group at the end.

    On a machine with a GPU, mmengine makes the group itself. Without a GPU, mmengine would still
    ask for a device, so the group is made here, over gloo.

    Args:
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Raises:
        UserError: The launcher did not start this process, or there is no GPU for it.
    """
    _check_launcher(launcher)
    if launcher != 'none' and not torch.cuda.is_available():
        for name, source in _RANKS.get(launcher, {}).items():
            os.environ.setdefault(name, os.environ.get(source, '0'))
        os.environ.setdefault('MASTER_ADDR', '127.0.0.1')
        os.environ.setdefault('MASTER_PORT', '29500')
        distributed.init_process_group('gloo')
    try:
        yield
    finally:
        if launcher != 'none' and distributed.is_initialized():
            distributed.destroy_process_group()
        # mmengine gathers results in this folder and does not remove it afterwards.
        with suppress(OSError):
            os.rmdir('.dist_test')


def _check_launcher(launcher: str) -> None:
    if launcher == 'none':
        return
    missing = [name for name in _REQUIRED[launcher] if name not in os.environ]
    if missing:
        raise UserError(
            f'--launcher {launcher} finds no {", ".join(missing)} in the environment: start the '
            f'tool with {_START_WITH[launcher]}, or leave --launcher out'
        )
    local_rank = int(os.environ.get(_RANKS.get(launcher, {}).get('LOCAL_RANK', 'LOCAL_RANK'), '0'))
    if torch.cuda.is_available() and local_rank >= torch.cuda.device_count():
        raise UserError(
            f'process {local_rank} of this machine has no GPU: there are '
            f'{torch.cuda.device_count()}; start as many processes as there are GPUs'
        )


def adapt_to_machine(cfg: Config, launcher: str) -> None:
    """Replace what needs a GPU, if this machine has none.

    Args:
        cfg: The config, changed in place.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
    """
    if torch.cuda.is_available():
        return
    cfg.pop('sync_bn', None)
    wrapper = cfg.get('optim_wrapper') or {}
    if class_name(wrapper) == 'AmpOptimWrapper':
        say('no GPU here: AmpOptimWrapper becomes bfloat16 autocast on the CPU')
        use_bfloat16(wrapper)
    if launcher != 'none':
        _batch_norm_without_sync(cfg.model)
        # If the key `device_ids` is missing, mmengine asks for one GPU for each process.
        cfg.model_wrapper_cfg = {
            'type': 'MMDistributedDataParallel',
            'broadcast_buffers': False,
            'find_unused_parameters': cfg.get('find_unused_parameters', False),
            **(cfg.get('model_wrapper_cfg') or {}),
            'device_ids': None,
        }


def use_bfloat16(optim_wrapper: Any) -> None:
    """Change the config of an optimizer wrapper to bfloat16 autocast.

    Args:
        optim_wrapper: The config, changed in place.
    """
    optim_wrapper.pop('loss_scale', None)
    optim_wrapper.pop('dtype', None)
    optim_wrapper.pop('use_fsdp', None)
    optim_wrapper['type'] = 'spikedense.BFloat16OptimWrapper'


def _batch_norm_without_sync(node: Any) -> None:
    """Replace SyncBN, which has no CPU version; mmengine does this for a single process only."""
    if isinstance(node, Mapping):
        if class_name(node) in ('SyncBN', 'SyncBatchNorm'):
            node['type'] = 'BN'  # type: ignore[index]
        for value in node.values():
            _batch_norm_without_sync(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _batch_norm_without_sync(value)


def relax_determinism() -> None:
    """Let operations without a deterministic GPU version print a warning instead of an error.

    The cross entropy of dense prediction is such an operation. Without this, ``--deterministic``
    would stop the training of every segmenter on a GPU.
    """
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)


def wait_for_a_free_name(cfg: Config) -> None:
    """Wait until no run has the name or the log folder that a new run of a config would get.

    mmengine names a run by its config and by the second of its start. A second run of one name
    would write into the log and the folder of the first run, which can be one of another process.

    Args:
        cfg: The config of the new run.
    """
    name = cfg.get('experiment_name') or Path(cfg.filename).stem
    while True:
        second = time.strftime('%Y%m%d_%H%M%S')
        is_taken = MMLogger.check_instance_created(f'{name}_{second}')
        if not is_taken and not Path(cfg.work_dir, second).exists():
            return
        time.sleep(0.02)
