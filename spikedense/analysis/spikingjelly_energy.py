"""SpikingJelly's own energy models, run on the spike-driven twin of a model."""

from contextlib import contextmanager
from typing import Any

import torch
from loguru import logger
from torch import Tensor, nn

from spikedense.deploy import to_spike_inference
from spikedense.tracing import network_outputs


@torch.no_grad()
def spikingjelly_energy(model: nn.Module, images: Tensor) -> list[dict[str, Any]]:
    """Runs the models that SpikingJelly brings along, where they apply.

    They price binary spikes alone: an integer is a dense multiply-accumulate to them. So they are
    given the twin that :func:`to_spike_inference` makes, whose layers are fed by zeros and ones.

    Args:
        model: a spiking model.
        images: normalised images, ``[B, C, H, W]``.

    Returns:
        A row a model: its name, the energy of an image in mJ by what it is made of (None where it
        does not apply), and its remarks.
    """
    # Importing them costs a second, and they are asked for by energy reports alone.
    from spikingjelly.activation_based import op_counter

    try:
        twin, _ = to_spike_inference(model)
    except ValueError as error:
        return [dict(name='SpikingJelly', energy_mj=None, remarks=[f'does not apply: {error}'])]
    # SpikingJelly hangs hooks on what asks for gradients, which needs a graph to hang them on.
    twin.requires_grad_(False)
    rows = []
    with _quiet_spikingjelly():
        for name in ('fp32', 'int8'):
            costs = getattr(op_counter.SimpleEnergyCostConfig, name)()
            config = op_counter.SimpleEnergyConfig(cost_config=costs)
            profiler = op_counter.SimpleEnergyProfiler(config=config)
            rows.append(_row(f'SpikingJelly simple, {name}', profiler, twin, images))
        # It knows convolutions, linear layers and IF and LIF nodes; it names what it leaves out.
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
    parts = {k.removesuffix('_pj'): v / len(images) * 1e-9 for k, v in parts.items()}
    return dict(name=name, energy_mj=parts, remarks=list(report.warnings))


@contextmanager
def _quiet_spikingjelly() -> Any:
    """Its counters tell each of their steps."""
    logger.disable('spikingjelly')
    try:
        yield
    finally:
        logger.enable('spikingjelly')
