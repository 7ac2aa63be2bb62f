"""Mixed precision that changes no spike: the input currents of neurons stay in float32."""

from typing import Any

import torch
from mmengine.hooks import Hook
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from spikedense.neurons import BaseNeuron
from spikedense.registry import HOOKS
from spikedense.utils.unwrap import unwrap

_LAYERS = (
    nn.modules.conv._ConvNd,
    nn.Linear,
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
)


@HOOKS.register_module()
class Float32CurrentsHook(Hook):
    """Run weighted layers and norms in float32 under autocast, in the parts that have neurons.

    Half precision rounds a current by up to 0.4 %, so that a few currents in a thousand cross a
    threshold. A spiking network amplifies each changed spike from layer to layer. Products of
    spikes, as in attention, stay in half precision: their sums of small integers are exact.

    For training and prediction, with any optimizer wrapper:
    ``custom_hooks=[dict(type='spikedense.Float32CurrentsHook')]``.
    """

    def before_run(self, runner: Any) -> None:
        """Change the model; nothing changes where autocast is off.

        Args:
            runner: The runner.
        """
        keep_currents_in_float32(unwrap(runner.model))


def keep_currents_in_float32(model: nn.Module) -> None:
    """Let the layers of a model leave autocast while they run.

    Args:
        model: The model, changed in place. A part, such as a backbone, without any neuron stays in
            half precision.
    """
    for part in model.children():
        if any(isinstance(module, BaseNeuron) for module in part.modules()):
            for module in part.modules():
                if isinstance(module, _LAYERS):
                    _leave_autocast(module)


def _leave_autocast(module: nn.Module) -> None:
    left: list[torch.autocast] = []

    def enter(_: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        left.append(torch.autocast(tensors[0].device.type, enabled=False))
        left[-1].__enter__()
        return tree_map_only(Tensor, _as_float32, (args, kwargs))

    def leave(*_: Any) -> None:
        left.pop().__exit__(None, None, None)

    module.register_forward_pre_hook(enter, with_kwargs=True)
    # Also after an error, because autocast counts its levels.
    module.register_forward_hook(leave, always_call=True)


def _as_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
