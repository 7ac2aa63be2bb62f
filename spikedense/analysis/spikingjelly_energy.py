"""The energy models of SpikingJelly, run on the spike-driven twin of a model."""

from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.deploy import to_spike_inference
from spikedense.tracing import network_outputs
from spikedense.utils.spikingjelly import spikingjelly


@torch.no_grad()
def spikingjelly_energy(model: nn.Module, images: Tensor) -> list[dict[str, Any]]:
    """Run the energy models of SpikingJelly on a model.

    The energy models price binary spikes only, and count an integer as a dense MAC. So they get
    the twin of :func:`to_spike_inference`, whose layers read zeros and ones.

    Args:
        model: A spiking model.
        images: Normalised images ``[B, C, H, W]``, or clips ``[T, B, C, H, W]``.

    Returns:
        A row for each energy model: its name, the parts of the energy of an image or a clip in mJ
        (None if the energy model does not apply), and its remarks.
    """
    # The import takes a second, and only some energy reports need it.
    op_counter = spikingjelly('op_counter', 'the energy models of SpikingJelly')

    try:
        twin, _ = to_spike_inference(model)
    except ValueError as error:
        return [dict(name='SpikingJelly', energy_mj=None, remarks=[f'does not apply: {error}'])]
    # SpikingJelly adds hooks to tensors that require gradients, which needs a graph.
    twin.requires_grad_(False)
    rows = []
    with _quiet_spikingjelly():
        for name in ('fp32', 'int8'):
            costs = getattr(op_counter.SimpleEnergyCostConfig, name)()
            config = op_counter.SimpleEnergyConfig(cost_config=costs)
            profiler = op_counter.SimpleEnergyProfiler(config=config)
            rows.append(_row(f'SpikingJelly simple, {name}', profiler, twin, images))
        # This model counts convolutions, linear layers, and IF and LIF nodes. The remarks name the
        # operations that are left out.
        profiler = op_counter.LemaireEnergyProfiler(
            config=op_counter.LemaireEnergyConfig(strict=False)
        )
        rows.append(_row('SpikingJelly Lemaire', profiler, twin, images))
    return rows


def _row(name: str, profiler: Any, twin: nn.Module, images: Tensor) -> dict[str, Any]:
    try:
        profiler.bind_model(twin)
        with profiler:
            network_outputs(twin, images)
        report = profiler.get_report()
    except (NotImplementedError, ValueError) as error:
        return dict(name=name, energy_mj=None, remarks=[f'does not apply: {error}'])
    total = getattr(report, 'energy_total_pj', None)
    parts = {'total': report.total_pj if total is None else total, **report.breakdown_pj}
    parts = {k.removesuffix('_pj'): v / images.shape[-4] * 1e-9 for k, v in parts.items()}
    return dict(name=name, energy_mj=parts, remarks=list(report.warnings))


@contextmanager
def _quiet_spikingjelly() -> Any:
    """Silence the log of SpikingJelly, whose counters report every step."""
    from loguru import logger  # SpikingJelly's logger, installed with it

    logger.disable('spikingjelly')
    try:
        yield
    finally:
        logger.enable('spikingjelly')
