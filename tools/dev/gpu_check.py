"""Check on one GPU what the tests check on a CPU; `tools/dev/gpu_check.sh` runs this file.

Each check prints a line that begins with PASS, FAIL, or SKIP. The exit code is 0 if none fails.
"""

import argparse
import copy
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_comparison import check_neurons, check_operators, compare_with_cpu, replace_key
from gpu_settings import BENCHMARKED, DEMO_FPN, MODELS, Settings
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner, set_random_seed
from torch import nn

import spikedense
from spikedense.analysis.workload import Workload, WorkloadSettings
from spikedense.apis import test, train
from spikedense.apis.benchmark import interleaved_medians
from spikedense.apis.environment import use_bfloat16
from spikedense.checks.model import build_model
from spikedense.utils.config_path import config_root
from spikedense.utils.files import write_file


def demo_steps(cfg: Config, settings: Settings, steps: int) -> list[float]:
    """Train the model of a demo config for a few steps and return the losses."""
    set_random_seed(0)
    model = build_model(cfg)
    model.init_weights()
    if settings.device.type == 'cpu':
        model = revert_sync_batchnorm(model)
    model = model.to(settings.device).train()
    wrapper = build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
    loader = copy.deepcopy(cfg.train_dataloader)
    loader.update(num_workers=0, persistent_workers=False)
    batches = iter(Runner.build_dataloader(loader, seed=0))
    losses = []
    for _ in range(steps):
        logs = model.train_step(next(batches), wrapper)
        losses.append(float(logs['loss']))
    assert np.isfinite(losses).all(), f'losses {losses}'
    assert all(p.isfinite().all() for p in model.parameters()), 'a weight is not finite'
    return losses


class OtherDevice(Exception):
    """A check is for another device."""


def mixed_precision(path: str, dtype: str) -> Callable[[Settings], str]:
    """Make a check of training steps under autocast."""

    def check(settings: Settings) -> str:
        cfg = Config.fromfile(config_root() / path)
        if settings.device.type == 'cuda':
            cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype=dtype, loss_scale='dynamic')
        elif dtype == 'bfloat16':
            use_bfloat16(cfg.optim_wrapper)
        else:
            raise OtherDevice('not on a CPU')
        losses = demo_steps(cfg, settings, 2 if settings.dry else 10)
        return f'loss {losses[0]:.3f} to {losses[-1]:.3f} in {len(losses)} steps'

    return check


def check_sync_bn(settings: Settings) -> str:
    """Train with SyncBN in a process group of one process; the losses are those of BN."""
    cfg = Config.fromfile(config_root() / DEMO_FPN)
    steps = 2 if settings.dry else 4
    expected = demo_steps(cfg, settings, steps)
    synced = copy.deepcopy(cfg)
    replace_key(synced.model, 'norm_cfg', dict(type='SyncBN'))
    backend = 'nccl' if settings.device.type == 'cuda' else 'gloo'
    with tempfile.TemporaryDirectory() as folder:
        torch.distributed.init_process_group(
            backend, init_method=f'file://{folder}/store', rank=0, world_size=1
        )
        try:
            layers = sum(isinstance(m, nn.SyncBatchNorm) for m in build_model(synced).modules())
            losses = demo_steps(synced, settings, steps)
        finally:
            torch.distributed.destroy_process_group()
    assert layers, 'the model has no SyncBN'
    np.testing.assert_allclose(losses, expected, rtol=0.02)
    where = ', as BN on a CPU' if backend == 'gloo' else ''
    return f'{layers} layers{where}; losses {losses[0]:.4f} to {losses[-1]:.4f}'


def benchmark_table(settings: Settings) -> str:
    """Measure time and memory of segmenters, with and without a compiled backbone."""
    side, batch = (128, 1) if settings.dry else (512, 8)
    cuda = settings.device.type == 'cuda'
    rows = [
        f'{side}x{side}, {batch} images, fp32 and float16 autocast; median of the rounds',
        f'{"model":<18}{"autocast":<10}{"compiled":<10}{"forward ms":>12}{"train ms":>12}{"MB":>8}',
    ]
    for name in BENCHMARKED:
        for amp in (False, True):
            # One model only, because compilations take long.
            for compiled in (False, True) if amp and name == 'SDT V3 19M' else (False,):
                row = measure(settings, name, (side, side), batch, amp, compiled)
                rows.append(
                    f'{name:<18}{"yes" if amp else "no":<10}{"yes" if compiled else "no":<10}' + row
                )
                print(f'     {rows[-1]}', flush=True)
                write_file(settings.out / 'benchmark.txt', '\n'.join(rows) + '\n')
                if cuda:
                    torch.cuda.empty_cache()
    return f'{len(rows) - 2} rows in {settings.out / "benchmark.txt"}'


def measure(
    settings: Settings, name: str, size: tuple[int, int], batch: int, amp: bool, compiled: bool
) -> str:
    """Return the columns of a row: forward time, time of a train step, peak memory."""
    cuda = settings.device.type == 'cuda'
    workload = Workload(
        WorkloadSettings(
            config=str(config_root() / BENCHMARKED[name][settings.dry]),
            size=size,
            batch=batch,
            device=str(settings.device),
            amp=amp,
        )
    )
    if compiled:
        # Inductor needs a C++ compiler on a CPU.
        workload.module.backbone.compile(backend='inductor' if cuda else 'eager')
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    rounds = dict(repeats=1, warmup=1) if settings.dry else dict(repeats=10, warmup=3)
    times = [
        interleaved_medians([action], synchronize=workload.synchronize, **rounds)[0]['median_s']
        for action in (workload.forward, workload.train_step)
    ]
    memory = f'{torch.cuda.max_memory_allocated() / 2**20:.0f}' if cuda else '-'
    return f'{times[0] * 1e3:>12.1f}{times[1] * 1e3:>12.1f}{memory:>8}'


def short_training(settings: Settings) -> str:
    """Train and test the small segmenter on the demo set."""
    config, work_dir = str(config_root() / DEMO_FPN), str(settings.out / 'training')
    options = {'train_cfg.max_iters': 4, 'train_cfg.val_interval': 4} if settings.dry else {}
    if settings.dry:
        options['default_hooks.checkpoint.interval'] = 4
    checkpoint = train(config, work_dir=work_dir, seed=0, cfg_options=options)
    assert checkpoint is not None, 'the run left no checkpoint'
    score = test(config, checkpoint, work_dir=work_dir)['mIoU']
    # If every pixel is called sky, the mIoU is 3.
    assert settings.dry or score > 10, f'mIoU {score:.2f}, expected more than 10'
    return f'mIoU {score:.2f}'


def all_checks() -> dict[str, Callable[[Settings], str]]:
    """Return the checks by name, in the order of their running."""
    checks = {'operators': check_operators, 'neurons': check_neurons}
    for name in MODELS:
        checks[f'{name}, fp64 against the CPU'] = compare_with_cpu(name)
        checks[f'{name} with ReLU, fp32 against the CPU'] = compare_with_cpu(
            name, dict(type='ReLU')
        )
    for name, (_, path) in MODELS.items():
        for dtype in ('float16', 'bfloat16'):
            checks[f'{name} in {dtype}'] = mixed_precision(path, dtype)
    return checks | {
        'SyncBN': check_sync_bn,
        'training on the demo set': short_training,
        'benchmark': benchmark_table,
    }


def run_checks(settings: Settings, seconds: float, pattern: str = '') -> list[str]:
    """Run the checks whose name has a pattern within a time; print and return a line for each."""

    def out_of_time(*_: Any) -> None:
        raise TimeoutError(f'the {seconds / 60:g} minutes are over')

    signal.signal(signal.SIGALRM, out_of_time)
    begun, lines = time.monotonic(), []
    checks = {name: check for name, check in all_checks().items() if re.search(pattern, name)}
    for name, check in checks.items():
        start, left = time.monotonic(), seconds - (time.monotonic() - begun)
        torch.manual_seed(0)
        try:
            # At least a moment, because 0 would switch the alarm off.
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.01))
            state, said = 'PASS', check(settings)
        except OtherDevice as error:
            state, said = 'SKIP', str(error)
        except Exception as error:
            state, said = 'FAIL', f'{type(error).__name__}: {error}'
            traceback.print_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        lines.append(f'{state} {name}: {said} ({time.monotonic() - start:.0f} s)')
        print(lines[-1], flush=True)
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--device', default='cuda', choices=('cuda', 'cpu'), help='(cuda)')
    parser.add_argument('--dry', action='store_true', help='small models, few steps')
    parser.add_argument('--minutes', type=float, default=8, help='time for all checks (8)')
    parser.add_argument('--checks', default='', help='run those whose name has this pattern (all)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/gpu_check'), help='folder')
    args = parser.parse_args(argv)
    if args.device == 'cuda' and not torch.cuda.is_available():
        print('gpu_check: --device cuda: torch finds no GPU here', file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault('DEMO_ROOT', str(args.out / 'demo'))
    for backend in (torch.backends.cuda.matmul, torch.backends.cudnn):
        backend.allow_tf32 = False  # single precision is compared with single precision
    settings = Settings(torch.device(args.device), args.dry, args.out)
    name = torch.cuda.get_device_name(0) if args.device == 'cuda' else 'CPU'
    lines = [f'spikedense {spikedense.__version__}, torch {torch.__version__}, {name}']
    lines += run_checks(settings, args.minutes * 60, args.checks)
    count = Counter(line.partition(' ')[0] for line in lines)
    failed = count['FAIL']
    lines.append(f'{count["SKIP"]} skipped, {count["PASS"]} passed, {failed} failed')
    print('\n' + '\n'.join(lines))
    write_file(args.out / 'summary.txt', '\n'.join(lines) + '\n')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
