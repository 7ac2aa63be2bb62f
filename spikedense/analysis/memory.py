"""Peak memory of one config, measured in a process of its own so that no other peak leaks in."""

import json
import resource
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import torch

from .workload import Workload, WorkloadSettings

_MIB = 2**20


def resident_peak_mib() -> float:
    """Highest resident size that this process has reached, in MiB.

    Linux's ``VmHWM`` starts anew with the program; ``ru_maxrss`` would start at the peak of the
    process that launched this one, so it only serves where ``/proc`` is absent.
    """
    try:
        with open('/proc/self/status', encoding='ascii') as file:
            for line in file:
                if line.startswith('VmHWM:'):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MIB if sys.platform == 'darwin' else peak / 1024


def peak_memory(settings: WorkloadSettings, train: bool = True) -> dict[str, float]:
    """Runs a forward pass, then a train step, in a fresh process and reads their peaks.

    Args:
        settings: what to run.
        train: run the train step too.

    Returns:
        MiB: ``built`` (libraries, weights and input, before the first pass), ``forward`` and
        ``train_step``. On a CPU the process's resident peak, on a GPU what torch allocated.
    """
    request = json.dumps(dict(settings=asdict(settings), train=train))
    child = subprocess.run(
        [sys.executable, '-m', 'spikedense.analysis.memory'],
        input=request,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        reason = (child.stderr.strip().splitlines() or ['no message'])[-1]
        raise RuntimeError(f'{settings.config}: the process that measures memory failed: {reason}')
    return json.loads(child.stdout.strip().splitlines()[-1])


def _measure(settings: WorkloadSettings, train: bool) -> dict[str, float]:
    """The child's side of :func:`peak_memory`; two passes each, for lazily made buffers."""
    workload = Workload(settings)
    on_gpu = workload.device.type == 'cuda'

    def peak() -> float:
        workload.synchronize()
        return torch.cuda.max_memory_allocated() / _MIB if on_gpu else resident_peak_mib()

    peaks = {'built': peak()}
    steps = {'forward': workload.forward}
    if train:
        steps['train_step'] = workload.train_step
    for name, step in steps.items():
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        for _ in range(2):
            step()
        peaks[name] = peak()
    return peaks


def main() -> None:
    """Reads a request from standard input, writes the peaks as the last line of the output."""
    request: dict[str, Any] = json.load(sys.stdin)
    arguments = request['settings']
    arguments['size'] = tuple(arguments['size'])
    print(json.dumps(_measure(WorkloadSettings(**arguments), request['train'])))


if __name__ == '__main__':
    main()
