"""Checkpoints that are saved between two steps of an optimizer that accumulates gradients."""

from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper

from spikedense.utils.unwrap import unwrap

_KEY = 'accumulated_gradients'


class AccumulationHook(Hook):
    """Keep the gradients of an unfinished step in the checkpoint.

    With several processes each process has gradients of its own, of which the checkpoint of the
    first process cannot hold the others: mmengine tells at the resume that they are lost.
    """

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add the gradients, if the optimizer waits for more of them.

        Args:
            runner: The runner.
            checkpoint: What is saved.
        """
        wrapper = runner.optim_wrapper
        if get_world_size() > 1 or not isinstance(wrapper, OptimWrapper) or wrapper.should_update():
            return
        checkpoint[_KEY] = {
            name: weight.grad.cpu()
            for name, weight in unwrap(runner.model).named_parameters()
            if weight.grad is not None
        }

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Give the gradients back to the model of a resumed run.

        Args:
            runner: The runner.
            checkpoint: What was loaded.
        """
        gradients = checkpoint.get(_KEY)
        if gradients is None or not runner._resuming or get_world_size() > 1:
            return
        for name, weight in unwrap(runner.model).named_parameters():
            if name in gradients:
                weight.grad = gradients[name].to(weight, copy=True)
