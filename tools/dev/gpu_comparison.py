"""Checks of a GPU against the CPU: operators, neurons, models."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from gpu_settings import Settings
from mmengine.config import ConfigDict
from torch import Tensor, nn

from spikedense.checks.model import build_model
from spikedense.neurons import BaseNeuron, build_neuron
from spikedense.tracing import network_outputs
from spikedense.utils.mmcv_ops import has_compiled_operators

NEURONS = ('NILIF', 'ILIF', 'LIF', 'IF', 'PLIF')
#: In double precision. In single precision a rounding difference flips a few spikes, and the flips
#: grow from layer to layer: two right results can have little in common.
SPIKING = (1e-6, 0.999999)
#: In single precision. Without spikes a rounding difference stays small.
CONTINUOUS = (1e-3, 0.995)
#: Below this share of spikes, the outputs do not depend on the image.
FEWEST_SPIKES = 0.01


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
    """Give all batch norms the statistics of the images, so that neurons fire in eval mode.

    A LIF neuron needs a current of 2. Biases bring it there, also where no norm follows.
    """
    norms = [m for m in model.eval().modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for module in model.modules():
        bias = getattr(module, 'bias', None)
        if isinstance(bias, nn.Parameter):
            nn.init.uniform_(bias, 0, 2)
    with torch.no_grad():
        network_outputs(model, images, boxes=some_boxes(images))
    model.eval()


def some_boxes(images: Tensor) -> Tensor:
    """Return four boxes, a quarter of the image each."""
    height, width = (size / 2 for size in images.shape[-2:])
    left, top = torch.tensor([0, width, 0, width]), torch.tensor([0, 0, height, height])
    return torch.stack([left, top, left + width - 1, top + height - 1], dim=1).to(images)


def compare_with_cpu(name: str, neuron_cfg: dict | None = None) -> Callable[[Settings], str]:
    """Make a check of the outputs and gradients of a model: fp64 with spikes, fp32 without."""

    def check(settings: Settings) -> str:
        cfg = settings.config(name)
        if neuron_cfg is not None:
            replace_key(cfg.model, 'neuron_cfg', neuron_cfg)
        dtype = torch.float32 if neuron_cfg is not None else torch.float64
        reference = build_model(cfg).to(dtype)
        bound(reference)
        images = torch.randn(2, 3, *(128, 128) if settings.dry else (256, 256), dtype=dtype)
        calibrate(reference, images)
        if neuron_cfg is None:
            share = last_firing(reference, images)
            assert share > FEWEST_SPIKES, f'the last neuron fires at {share:.1e} of its elements'
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


def bound(model: nn.Module) -> None:
    """Limit each ReLU to 6: the attentions of an untrained decoder overflow single precision."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.ReLU6())


@torch.no_grad()
def last_firing(model: nn.Module, images: Tensor) -> float:
    """Return the share of elements that are not zero in the neuron that fires last."""
    shares = [0.0]
    hooks = [
        module.register_forward_hook(
            lambda _, __, out: shares.append((out != 0).double().mean().item())
        )
        for module in model.modules()
        if isinstance(module, BaseNeuron)
    ]
    network_outputs(model, images, boxes=some_boxes(images))
    for hook in hooks:
        hook.remove()
    return shares[-1]


def replace_key(node: Any, key: str, value: Any) -> None:
    """Replace a key in all dicts of a config."""
    if isinstance(node, dict):
        for name in node:
            if name == key:
                node[name] = ConfigDict(value)
            else:
                replace_key(node[name], key, value)
    elif isinstance(node, list | tuple):
        for item in node:
            replace_key(item, key, value)
