"""Measure what bfloat16 changes in the shipped demo model: spikes, labels, mIoU and time.

The 50 validation images of the demo set are predicted in several ways, and the outputs of all
neurons and the labels compared with those of float32. Noise on the outputs of convolutions and
linear layers shows how the network answers to rounding of a known size: 2^-9 is bfloat16, 2^-11 is
float16. Times are medians of alternating rounds on one thread, as ratios to float32, of these
predictions and of a forward and backward pass of the SDTV3 of 5 million parameters on an image of
512 x 512 pixels; nothing else may run beside it.

    python tools/dev/measure_amp.py [--rounds 5]
"""

import argparse
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from copy import deepcopy
from statistics import median
from time import perf_counter
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from spikedense.engine import GuardedRunner
from spikedense.engine.float32_currents_hook import keep_currents_in_float32
from spikedense.inference.model import open_model
from spikedense.neurons import BaseNeuron

BACKBONE = 'sdt_v3/fpn_sdtv3-5m_4xb16-160k_ade20k-512x512.py'
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
Way = tuple[nn.Module, Callable[[], AbstractContextManager]]


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description='Measure what bfloat16 changes in the demo model.')
    parser.add_argument('--rounds', type=int, default=5, help='rounds of the time measurement')
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    logging.disable(logging.INFO)  # the table of the classes
    cfg, model = open_model('demo')
    init_default_scope(cfg.default_scope)
    options = dict(num_workers=0, persistent_workers=False)
    loader = GuardedRunner.build_dataloader({**cfg.val_dataloader, **options})
    batches = list(loader)
    metric = Evaluator(cfg.val_evaluator)
    metric.dataset_meta = loader.dataset.metainfo
    kept = deepcopy(model)
    keep_currents_in_float32(kept)

    ways: dict[str, Way] = {'float32': (model, nullcontext)}
    for power in (9, 11, 14, 17, 20):
        ways[f'float32, noise 2^-{power}'] = model, lambda p=power: noise(model, 2.0**-p)
    ways['bfloat16'] = model, autocast
    ways['bfloat16, Float32CurrentsHook'] = kept, autocast
    show_changes(ways, batches, metric)
    timed = {name: way for name, way in ways.items() if 'noise' not in name}
    show_times('demo, prediction', timed, rounds, lambda net: predict(net, batches))

    backbone = open_model(BACKBONE)[1].train()
    kept = deepcopy(backbone)
    keep_currents_in_float32(kept)
    images = torch.randn(1, 3, 512, 512)
    nets = (backbone, backbone, kept)
    timed = {name: (net, way) for net, (name, (_, way)) in zip(nets, timed.items(), strict=True)}
    show_times('SDTV3-5M, 512 x 512, step', timed, rounds, lambda net: step(net, images))


def show_changes(ways: dict[str, Way], batches: list[dict], metric: Evaluator) -> None:
    """Print the share of spikes and labels that differ from the first way, and the mIoU."""
    print(f'{"":32}{"spikes":>10}{"labels":>10}{"mIoU":>8}')
    expected: tuple[list[Tensor], list[Tensor]] | None = None
    for name, (model, way) in ways.items():
        with record_spikes(model) as spikes, way():
            samples = predict(model, batches)
        for sample in samples:
            metric.process([sample])
        score = metric.evaluate(len(samples))['mIoU']
        found = spikes, [sample.pred_sem_seg.data for sample in samples]
        expected = expected or found
        changed = [share(old, new) for old, new in zip(expected, found, strict=True)]
        print(f'{name:32}' + ''.join(f'{100 * x:9.3f}%' for x in changed) + f'{score:8.2f}')


def show_times(
    title: str, ways: dict[str, Way], rounds: int, run: Callable[[nn.Module], Any]
) -> None:
    """Print the median time of each way as a ratio to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(rounds + 1):
        for name, (model, way) in ways.items():
            start = perf_counter()
            with way():
                run(model)
            if i > 0:  # the first round warms up
                seconds[name].append(perf_counter() - start)
    base = median(seconds['float32'])
    print(f'\n{title:32}{"time":>10}')
    for name, times in seconds.items():
        print(f'{name:32}{median(times) / base:9.2f}x')


def autocast() -> torch.autocast:
    """Use bfloat16 where autocast allows it."""
    return torch.autocast('cpu', torch.bfloat16)


@contextmanager
def noise(model: nn.Module, size: float) -> Iterator[None]:
    """Multiply the outputs of the layers by ``1 + size * u`` with u from -1 to 1."""
    generator = torch.Generator().manual_seed(0)

    def disturb(_: nn.Module, __: tuple, out: Tensor) -> Tensor:
        return out * (1 + size * (2 * torch.rand(out.shape, generator=generator) - 1))

    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, LAYERS):
                stack.callback(module.register_forward_hook(disturb).remove)
        yield


@contextmanager
def record_spikes(model: nn.Module) -> Iterator[list[Tensor]]:
    """Yield a list that gets the integers of each neuron at each call."""
    spikes: list[Tensor] = []

    def record(neuron: Any, _: tuple, out: Tensor) -> None:
        spikes.append((out * neuron.scale).round().to(torch.uint8))

    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, BaseNeuron):
                stack.callback(module.register_forward_hook(record).remove)
        yield spikes


@torch.no_grad()
def predict(model: Any, batches: list[dict]) -> list[Any]:
    """Predict all batches."""
    return [sample for batch in batches for sample in model.test_step(deepcopy(batch))]


def step(model: Any, images: Tensor) -> None:
    """Run a backbone forward and backward."""
    sum(out.float().mean() for out in model.backbone(images)).backward()


def share(old: list[Tensor], new: list[Tensor]) -> float:
    """Return the share of the elements that differ."""
    changed = sum(int((a != b).sum()) for a, b in zip(old, new, strict=True))
    return changed / sum(a.numel() for a in old)


if __name__ == '__main__':
    main()
