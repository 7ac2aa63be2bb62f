"""A check of a backbone that learns slowly: has it weights that are worth it?"""

from collections import Counter
from typing import Any

from mmengine.optim import OptimWrapper
from torch import nn

from spikedense.utils.class_names import class_name
from spikedense.utils.unwrap import unwrap


def pretrained_cfgs(module: nn.Module) -> list[dict[str, Any]]:
    """Return the entries of a module's ``init_cfg`` that load weights from a file."""
    init_cfg = getattr(module, 'init_cfg', None) or []
    cfgs = init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]
    return [cfg for cfg in cfgs if class_name(cfg) in ('Pretrained', 'PretrainedInit')]


def is_pretrained(model: nn.Module) -> bool:
    """Tell whether ``init_cfg`` gives weights to a model, its backbone or a part of the backbone.

    Args:
        model: A model, maybe inside a wrapper.
    """
    inner = unwrap(model)
    backbone = getattr(inner, 'backbone', None)
    parts = backbone.modules() if isinstance(backbone, nn.Module) else ()
    return any(pretrained_cfgs(module) for module in (inner, *parts))


def reduced_rate(model: nn.Module, optim_wrapper: Any) -> tuple[float, float] | None:
    """Find out whether a backbone has a lower learning rate than the optimizer's own.

    The rates are read from the optimizer. So it does not matter which setting reduces them: keys of
    ``paramwise_cfg`` or a constructor with a decay over the layers.

    Args:
        model: A model, maybe inside a wrapper.
        optim_wrapper: Its optimizer, before rates are scaled or scheduled.

    Returns:
        The rate of most of the weights of the backbone, and the rate of the optimizer. None if the
        first one is not lower, or if there is no backbone or no single optimizer.
    """
    backbone = getattr(unwrap(model), 'backbone', None)
    if not isinstance(backbone, nn.Module) or not isinstance(optim_wrapper, OptimWrapper):
        return None
    of_backbone = {id(p) for p in backbone.parameters() if p.requires_grad}
    weights: Counter[float] = Counter()
    for group in optim_wrapper.optimizer.param_groups:
        for parameter in group['params']:
            if id(parameter) in of_backbone:
                weights[group['lr']] += parameter.numel()
    if not weights:
        return None
    ((rate, _),) = weights.most_common(1)
    full = optim_wrapper.optimizer.defaults['lr']
    return (rate, full) if rate < full else None
