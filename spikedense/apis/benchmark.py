"""Time and peak memory of a config, beside those of another config and the speed of the machine."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from spikedense.analysis.machine import PRECISIONS, ConvProbe, describe_machine
from spikedense.analysis.memory import peak_memory
from spikedense.analysis.workload import Workload, WorkloadSettings


def interleaved_medians(
    actions: Sequence[Callable[[], None]],
    repeats: int,
    warmup: int,
    synchronize: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Time several actions in turns, so that a change of the machine's speed concerns all of them.

    Args:
        actions: What to time. Each round runs every action once.
        repeats: Number of timed rounds.
        warmup: Number of untimed rounds before the timed ones.
        synchronize: Waits until the device has done its work.

    Returns:
        ``median_s``, ``min_s``, ``max_s`` and all ``times_s`` of each action.
    """
    times: list[list[float]] = [[] for _ in actions]
    for round_index in range(warmup + repeats):
        for action, taken in zip(actions, times, strict=True):
            synchronize()
            start = time.perf_counter()
            action()
            synchronize()
            if round_index >= warmup:
                taken.append(time.perf_counter() - start)
    return [
        dict(median_s=statistics.median(t), min_s=min(t), max_s=max(t), times_s=t) for t in times
    ]


def benchmark(
    subjects: Sequence[WorkloadSettings],
    repeats: int = 10,
    warmup: int = 3,
    train: bool = True,
    memory: bool = True,
    machine: bool = True,
) -> dict[str, Any]:
    """Measure one or two configs.

    The memory is measured first, of each config in a process of its own. The times are measured
    afterwards, of both configs in turns.

    Args:
        subjects: What to measure.
        repeats: Number of timed rounds.
        warmup: Number of untimed rounds before the timed ones.
        train: Whether to measure the train step too.
        memory: Whether to measure the peak memory too.
        machine: Whether to time a large convolution in the same rounds.

    Returns:
        ``subjects`` (a dict for each config), ``ratio`` (second config / first config, for two
        configs), and ``machine``.

    Raises:
        ValueError: The number of rounds is out of range.
    """
    if repeats < 1 or warmup < 0:
        raise ValueError(f'repeats={repeats}, warmup={warmup}, expected at least 1 and 0')
    device = subjects[0].device
    report: dict[str, Any] = dict(machine=describe_machine(device)) if machine else {}
    results: list[dict[str, Any]] = [dict(settings=subject.to_dict()) for subject in subjects]
    for result, subject in zip(results, subjects, strict=True):
        if memory:
            result['memory_mib'] = peak_memory(subject, train)
    loads = [Workload(subject) for subject in subjects]
    for result, load in zip(results, loads, strict=True):
        result.update(load.describe())
    probes = {name: ConvProbe(name, device) for name in PRECISIONS} if machine else {}

    def timed(step: str, extra: Sequence[Callable[[], None]] = ()) -> list[dict[str, Any]]:
        actions = [getattr(load, step) for load in loads] + list(extra)
        timings = interleaved_medians(actions, repeats, warmup, loads[0].synchronize)
        for result, timing in zip(results, timings, strict=False):
            result[step] = timing
        return timings[len(loads) :]

    probe_timings = timed('forward', [probe.run for probe in probes.values()])
    if train:
        timed('train_step')
    for result in results:
        result['forward_gflops'] = result['forward_gflop'] / result['forward']['median_s']
    report['subjects'] = results
    if len(results) == 2:
        report['ratio'] = _ratios(*results)
    if machine:
        report['machine']['threads'] = torch.get_num_threads()
        for (name, probe), timing in zip(probes.items(), probe_timings, strict=True):
            report['machine'][f'conv_{name}_gflops'] = probe.gflop / timing['median_s']
    return report


def _ratios(first: dict[str, Any], second: dict[str, Any]) -> dict[str, float]:
    """Divide the figures of the second config by those of the first one."""
    ratio = {'parameters': second['parameters'] / first['parameters']}
    for step in ('forward', 'train_step'):
        if step in first:
            ratio[step] = second[step]['median_s'] / first[step]['median_s']
    for key, value in first.get('memory_mib', {}).items():
        ratio[f'memory_{key}'] = second['memory_mib'][key] / value
    return ratio
