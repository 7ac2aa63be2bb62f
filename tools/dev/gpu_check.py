"""Check on one GPU what the tests check on a CPU; `tools/dev/gpu_check.sh` runs this file.

Each check prints a line that begins with PASS, FAIL, or SKIP. The exit code is 0 if none fails.
"""

import argparse
import copy
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner, set_random_seed
from torch import Tensor, nn

import spikedense
from spikedense.analysis.workload import Workload, WorkloadSettings
from spikedense.apis import test, train
from spikedense.apis.benchmark import interleaved_medians
from spikedense.apis.environment import use_bfloat16
from spikedense.checks.model import build_model
from spikedense.neurons import build_neuron
from spikedense.tracing import network_outputs
from spikedense.utils.config_path import config_root
from spikedense.utils.files import write_file
from spikedense.utils.mmcv_ops import has_compiled_operators

DEMO_FPN = 'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'
DEMO_SPIKE2FORMER = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
DEMO_MASK_RCNN = 'mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'
#: Models that are compared with the CPU: in full, and for --dry.
MODELS = {
    'SDT V2 with LIF': (
        'sdt_v2/fpn_sdtv2-15m-lif-t1_4xb8-160k_ade20k-512x512.py',
        'sdt_v2/fpn_sdtv2-demo-lif-t4_1xb8-300i_demo-128x128.py',
    ),
    'SDT V3': ('sdt_v3/fpn_sdtv3-5m_4xb16-160k_ade20k-512x512.py', DEMO_FPN),
    'Spike2Former': (
        'spike2former/spike2former_sdtv3-5m_8xb6-160k_ade20k-512x512.py',
        DEMO_SPIKE2FORMER,
    ),
    'Mask R-CNN': ('mask_rcnn/mask-rcnn_sdtv3-5m_2xb4-12e_coco-1333x800.py', DEMO_MASK_RCNN),
}
NEURONS = ('NILIF', 'ILIF', 'LIF', 'IF', 'PLIF')
#: A rounding difference changes few spikes, and each of them changes all that is behind it.
SPIKING = (0.05, 0.95)
#: Without spikes a rounding difference stays small.
CONTINUOUS = (1e-3, 0.995)


@dataclass(frozen=True)
class Settings:
    """What all checks read: where to run, whether with small models, the folder of outputs."""

    device: torch.device
    dry: bool
    out: Path

    def config(self, name: str) -> Config:
        """Read the config of a model of `MODELS`, without official weights and random depth."""
        cfg = Config.fromfile(config_root() / MODELS[name][self.dry])
        cfg.model.backbone.init_cfg = None
        return cfg


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors to one vector, in double precision on the CPU."""
    return torch.cat([x.detach().cpu().double().flatten() for x in tensors])


def relative_error(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Return the norm of the difference, divided by the norm of what is expected."""
    return ((flat(found) - flat(expected)).norm() / flat(expected).norm()).item()


def cosine(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Return the cosine of the angle between two sets of gradients."""
    return torch.cosine_similarity(flat(found), flat(expected), dim=0).item()


def assert_near(error: float, similarity: float, limits: tuple[float, float]) -> str:
    """Check a difference of outputs and of gradients; say both."""
    said = f'outputs differ by {error:.1e} (limit {limits[0]:g}), '
    said += f'cosine of the gradients {similarity:.5f} (limit {limits[1]:g})'
    assert error <= limits[0] and similarity >= limits[1], said
    return said


def check_operators(settings: Settings) -> str:
    """Compare non-maximum suppression and RoIAlign with the CPU."""
    from mmcv.ops import batched_nms, roi_align

    corners = torch.rand(500, 2, 2) * 100
    boxes, scores = torch.cat([corners.amin(1), corners.amax(1)], 1), torch.rand(500)
    rois = torch.cat([torch.randint(0, 2, (500, 1)), boxes], 1)
    maps, classes = torch.rand(2, 8, 25, 25), torch.randint(3, (500,))
    results = []
    for device in ('cpu', settings.device):
        keep = batched_nms(
            *(x.to(device) for x in (boxes, scores, classes)), dict(type='nms', iou_threshold=0.5)
        )[1]
        leaf = maps.to(device).requires_grad_()
        pooled = roi_align(leaf, rois.to(device), 7, 0.25, 0, 'avg', True)
        results.append((keep.cpu(), pooled, torch.autograd.grad(pooled.square().sum(), leaf)[0]))
    (keep_cpu, *expected), (keep, *found) = results
    assert keep.equal(keep_cpu), 'nms keeps other boxes than on the CPU'
    error = relative_error(found, expected)
    assert error < 1e-5, f'RoIAlign differs by {error:.1e}'
    kind = 'compiled' if has_compiled_operators() else "torchvision's"
    return f'{kind}: nms keeps the same {len(keep)} boxes, RoIAlign differs by {error:.1e}'


def check_neurons(settings: Settings) -> str:
    """Compare spikes and gradients of each neuron with the CPU."""
    said = []
    for name in NEURONS:
        currents = torch.randn(4, 2, 16, 32, 32)
        results = []
        for device in ('cpu', settings.device):
            leaf = currents.to(device).requires_grad_()
            spikes = build_neuron(dict(type=name)).to(device)(leaf)
            results.append((spikes, torch.autograd.grad(spikes.square().sum(), leaf)[0]))
        (spikes_cpu, grad_cpu), (spikes, grad) = results
        other = (spikes.cpu() != spikes_cpu).double().mean().item()
        assert other < 1e-4, f'{name}: {other:.1e} of the outputs are others than on the CPU'
        similarity = cosine([grad], [grad_cpu])
        assert similarity > 0.999, f'{name}: cosine of the gradients {similarity:.5f}'
        said.append(f'{name} {other:.0e}')
    return f'share of other outputs: {", ".join(said)}'


def calibrate(model: nn.Module, images: Tensor) -> None:
    """Give all batch norms the statistics of the images, so that neurons fire in eval mode."""
    norms = [m for m in model.eval().modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        network_outputs(model, images, boxes=some_boxes(images))
    model.eval()


def some_boxes(images: Tensor) -> Tensor:
    """Return four boxes, a quarter of the image each."""
    height, width = (size / 2 for size in images.shape[-2:])
    left, top = torch.tensor([0, width, 0, width]), torch.tensor([0, 0, height, height])
    return torch.stack([left, top, left + width - 1, top + height - 1], dim=1).to(images)


def compare_with_cpu(name: str, neuron_cfg: dict | None = None) -> Callable[[Settings], str]:
    """Make a check of the outputs and gradients of a model in fp32."""

    def check(settings: Settings) -> str:
        cfg = settings.config(name)
        if neuron_cfg is not None:
            _replace(cfg.model, 'neuron_cfg', neuron_cfg)
        reference = build_model(cfg)
        images = torch.randn(2, 3, *(128, 128) if settings.dry else (256, 256))
        calibrate(reference, images)
        results = []
        for device in ('cpu', settings.device):
            model = copy.deepcopy(reference).to(device)
            inputs = images.to(device)
            outputs = network_outputs(model, inputs, boxes=some_boxes(inputs))
            torch.stack([x.square().mean() for x in outputs]).sum().backward()
            grads = [p.grad for p in model.parameters() if p.grad is not None]
            results.append((outputs, grads))
        (outputs_cpu, grads_cpu), (outputs, grads) = results
        limits = CONTINUOUS if neuron_cfg is not None else SPIKING
        error, similarity = relative_error(outputs, outputs_cpu), cosine(grads, grads_cpu)
        return assert_near(error, similarity, limits)

    return check


def _replace(node: Any, key: str, value: Any) -> None:
    """Replace a key in all dicts of a config."""
    if isinstance(node, dict):
        for name in node:
            if name == key:
                node[name] = ConfigDict(value)
            else:
                _replace(node[name], key, value)
    elif isinstance(node, list | tuple):
        for item in node:
            _replace(item, key, value)


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
    _replace(synced.model, 'norm_cfg', dict(type='SyncBN'))
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
    side, batch = (128, 1) if settings.dry else (512, 4)
    cuda = settings.device.type == 'cuda'
    rows = [
        f'{side}x{side}, {batch} images, fp32 and float16 autocast; median of the rounds',
        f'{"model":<18}{"autocast":<10}{"compiled":<10}{"forward ms":>12}{"train ms":>12}{"MB":>8}',
    ]
    for name in ('SDT V2 with LIF', 'SDT V3', 'Spike2Former'):
        for amp in (False, True):
            # One model only, because compilations take long.
            for compiled in (False, True) if amp and name == 'SDT V3' else (False,):
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
            config=str(config_root() / MODELS[name][settings.dry]),
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
        checks[f'{name}, fp32 against the CPU'] = compare_with_cpu(name)
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


def run_checks(settings: Settings, seconds: float) -> list[str]:
    """Run all checks within a time, print a line for each, and return the lines."""

    def out_of_time(*_: Any) -> None:
        raise TimeoutError(f'the {seconds / 60:g} minutes are over')

    signal.signal(signal.SIGALRM, out_of_time)
    begun, lines = time.monotonic(), []
    for name, check in all_checks().items():
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
    lines += run_checks(settings, args.minutes * 60)
    count = Counter(line.partition(' ')[0] for line in lines)
    failed = count['FAIL']
    lines.append(f'{count["SKIP"]} skipped, {count["PASS"]} passed, {failed} failed')
    print('\n' + '\n'.join(lines))
    write_file(args.out / 'summary.txt', '\n'.join(lines) + '\n')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
