"""Our modules for the official classes of the detector, built from a golden's constructor."""

from collections.abc import Callable
from typing import Any

import torch
from golden import Golden, Twin, numbered
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from spikedense.converters import bbox_head_key, fpn_neck_key, mask_head_key, rpn_head_key

#: As released: 0..4, not divided, every element a step of its own.
RAW_INTEGER = dict(type='NILIF', D=4, norm=1, stateful=False)


def build(golden: Golden, name: str, **changes: Any) -> nn.Module:
    """Builds our class from the official arguments, in mmdet's scope."""
    init_default_scope('mmdet')
    args = {**golden.constructor, **changes}
    return MODELS.build(dict(type=f'spikedense.{name}', neuron_cfg=RAW_INTEGER, **args))


def step_by_step(call: Callable[[Tensor], tuple[Tensor, ...]], x: Tensor) -> dict[str, Tensor]:
    """Calls a head with one time step at a time.

    The official heads return all steps, ours their mean; the neurons of the goldens have no
    state, so that the mean of one step is that step.
    """
    steps = [call(x[t : t + 1]) for t in range(len(x))]
    return numbered([torch.stack(outs) for outs in zip(*steps, strict=True)])


def detection_neck(golden: Golden) -> Twin:
    """Neck whose neurons clamp at 1 in eval mode."""
    neck = build(golden, 'SpikeFPN', legacy_eval_clamp=1)

    def call(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return numbered(neck([inputs[k] for k in sorted(inputs)]))

    return Twin(neck, fpn_neck_key, call)


def rpn_head(golden: Golden) -> Twin:
    """Region proposals, one level."""
    head = build(golden, 'SpikeRPNHead')
    return Twin(head, rpn_head_key, lambda x: step_by_step(head.forward_single, x['x']))


def bbox_head(golden: Golden) -> Twin:
    """Boxes: two shared linear layers."""
    head = build(golden, 'SpikeConvFCBBoxHead')
    return Twin(head, bbox_head_key, lambda x: step_by_step(head, x['x']))


def mask_head(golden: Golden) -> Twin:
    """Masks, averaged over time by the official head too."""
    head = build(golden, 'SpikeFCNMaskHead')
    return Twin(head, mask_head_key, lambda x: numbered(head(x['x'])))


#: Official class -> builder.
DETECTION: dict[str, Callable[[Golden], Twin]] = {
    'SpikeFPN': detection_neck,
    'SpikeRPNHead': rpn_head,
    'SharedSpike2FCBBoxHead': bbox_head,
    'SpikeFCNMaskHead': mask_head,
}
