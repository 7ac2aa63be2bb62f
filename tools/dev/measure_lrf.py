"""Measure what LRF-SSA and LRF-Dyn cost on a CPU, beside linear self-attention (SSA).

The forward pass in eval mode and the train step (forward and backward) of one attention are timed
in alternating rounds, on maps of 64 x 64 and 128 x 128 tokens, with the widths of stage 3 of SDTV3.
The maps have the memory format channels_last, as in the backbones on a CPU. Times are medians, and
ratios to SSA. Then tokens are streamed row by row through the products of
SSA and LRF-Dyn in float64: the outputs are compared with those of one call, and the bytes of the
tensors that are alive between two rows are counted. Nothing else may run beside it; with
``--clock cpu`` and one thread, the time of the process is measured, which other work disturbs less.

    python tools/dev/measure_lrf.py [--rounds 7] [--threads 2] [--clock wall]
"""

import argparse
import platform
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.models.layers import DynamicsProduct, build_mixer
from spikedense.models.layers.attention import spike_bits

HEADS = 8
D = 4
SIZES = (64, 128)
#: Channels, and ratio of the channels of the value.
WIDTHS = ((128, 4), (256, 4), (128, 1))
BASE = 'SSA'
WAYS: dict[str, dict[str, Any]] = {
    BASE: dict(type='SpikeSelfAttention'),
    'LRF-SSA': dict(type='LRFSelfAttention'),
    'LRF-Dyn raster, chunk': dict(type='LRFDynamicAttention'),
    'LRF-Dyn raster, fft': dict(type='LRFDynamicAttention', impl='fft'),
    'LRF-Dyn bidirectional, chunk': dict(type='LRFDynamicAttention', scan='bidirectional'),
    'LRF-Dyn bidirectional, fft': dict(
        type='LRFDynamicAttention', scan='bidirectional', impl='fft'
    ),
}
CLOCKS = dict(wall=perf_counter, cpu=process_time)
CFG: dict[str, Any] = dict(neuron_cfg=dict(type='NILIF', D=D), norm_cfg=dict(type='BN'))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description='Measure what LRF-SSA and LRF-Dyn cost on a CPU.')
    parser.add_argument('--rounds', type=int, default=7, help='rounds of each measurement')
    parser.add_argument('--threads', type=int, default=2, help='threads of torch')
    parser.add_argument('--clock', choices=CLOCKS, default='wall', help='what is measured')
    parser.add_argument('--sizes', type=int, nargs='+', default=SIZES, help='sides of the maps')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f'{processor()}, {args.threads} threads, torch {torch.__version__}, {args.clock} time')
    for channels, ratio in WIDTHS:
        for size in args.sizes:
            show_times(channels, ratio, size, args.rounds, CLOCKS[args.clock])
    for channels, ratio in WIDTHS:
        for size in args.sizes:
            show_state(channels, ratio, size)


def processor() -> str:
    """Return the name of the processor."""
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            names = [line.partition(':')[2].strip() for line in file if 'model name' in line]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def show_times(
    channels: int, ratio: int, size: int, rounds: int, clock: Callable[[], float]
) -> None:
    """Print the times of all attentions of one width on maps of one size."""
    torch.manual_seed(0)
    common: dict[str, Any] = dict(num_heads=HEADS, value_ratio=ratio, **CFG)
    nets = {name: build_mixer(cfg, channels, **common) for name, cfg in WAYS.items()}
    x = torch.randn(1, channels, size, size).contiguous(memory_format=torch.channels_last)[None]
    print(f'\nC={channels}, value_ratio={ratio}, {size} x {size} tokens, batch 1')
    print(f'{"":30}{"forward":>10}{"":>8}{"train step":>13}')
    forward = timed({n: lambda net=net: predict(net, x) for n, net in nets.items()}, rounds, clock)
    step = timed({n: lambda net=net: train(net, x) for n, net in nets.items()}, rounds, clock)
    for name in nets:
        cells = [f'{t[name]:8.1f} ms{t[name] / t[BASE]:6.2f}x' for t in (forward, step)]
        print(f'{name:30}' + '  '.join(cells))


def timed(
    ways: dict[str, Callable[[], None]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median time of each way in milliseconds, of alternating rounds."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(rounds + 1):
        for name, run in ways.items():
            start = clock()
            run()
            if i > 0:  # the first round warms up
                times[name].append(1e3 * (clock() - start))
    return {name: median(found) for name, found in times.items()}


@torch.no_grad()
def predict(net: nn.Module, x: Tensor) -> None:
    """Run a forward pass in eval mode."""
    net.eval()(x)


def train(net: nn.Module, x: Tensor) -> None:
    """Run a forward and a backward pass; the input needs a gradient, as inside of a network."""
    net.train()(x.detach().requires_grad_()).square().mean().backward()


@torch.no_grad()
def show_state(channels: int, ratio: int, size: int) -> None:
    """Stream tokens through both products, and print what is alive between two rows."""
    shape = (1, HEADS, -1, size * size)
    q, k, v = (
        torch.randint(0, D + 1, (1, width, size, size)).double() / D
        for width in (channels, channels, channels * ratio)
    )
    product = DynamicsProduct(channels * ratio, HEADS, 0.5).double()
    stream = product.stream()
    rows = zip(*(x.unbind(2) for x in (q, k, v)), strict=True)
    found = torch.stack([stream(*row) for row in rows], 2)
    gap = (found - product(q, k, v)).abs().max().item()
    state: Any = stream.state

    keyed: Any = 0
    kept = []
    for q_row, k_row, v_row in zip(*(x.unbind(2) for x in (q, k, v)), strict=True):
        k_heads, v_heads = (x.unflatten(1, (HEADS, -1)) for x in (k_row, v_row))
        keyed = keyed + v_heads @ k_heads.transpose(-2, -1)
        kept.append((q_row * D).to(torch.uint8))
    queries = torch.stack(kept, 2)
    out = keyed @ (queries.double() / D).view(shape)
    expected = (v.view(shape) @ k.view(shape).transpose(-2, -1)) @ q.view(shape)
    ssa_gap = ((out - expected) / expected.abs().max()).abs().max().item()
    packed = queries.numel() * spike_bits(D) / 8
    print(f'\nC={channels}, value_ratio={ratio}, {size} x {size} tokens, float64: live bytes')
    print(
        f'SSA      K^T V {nbytes(keyed):>10}   queries {queries.nbytes:>9} as bytes, '
        f'{packed:.0f} packed'
    )
    print(f'LRF-Dyn  state {nbytes(state):>10}   queries         0')
    print(f'largest difference from one call: SSA {ssa_gap:.1e}, LRF-Dyn {gap:.1e}')


def nbytes(x: Tensor) -> int:
    """Return the bytes of a tensor's own memory."""
    return x.untyped_storage().nbytes()


if __name__ == '__main__':
    main()
