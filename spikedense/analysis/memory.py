"""Peak memory of one config, measured in a new process, without the peaks of other work."""

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
    """Return the highest resident size that this process has reached, in MiB.

    ``VmHWM`` of Linux is set back when a program starts. ``ru_maxrss`` starts at the peak of the
    parent process, so it is used on systems without ``/proc`` only.
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
    """Run a forward pass and then a train step in a new process, and measure their peaks.

    Args:
        settings: What to run.
        train: Whether to run the train step too.

    Returns:
        Peaks in MiB: ``built`` (libraries, weights and input, before the first pass), ``forward``
        and ``train_step``. The peak is the resident size of the process on a CPU, and the memory
        that torch has allocated on a GPU.

    Raises:
        RuntimeError: The process failed.
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
    """Measure in the new process; each step runs twice, because some buffers are made late."""
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
    """Read a request from standard input and print the peaks as the last line of the output."""
    request: dict[str, Any] = json.load(sys.stdin)
    arguments = request['settings']
    arguments['size'] = tuple(arguments['size'])
    print(json.dumps(_measure(WorkloadSettings(**arguments), request['train'])))


if __name__ == '__main__':
    main()
