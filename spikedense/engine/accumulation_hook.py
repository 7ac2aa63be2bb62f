"""Checkpoints that are saved between two steps of an optimizer that accumulates gradients."""

from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper

from spikedense.utils.unwrap import unwrap

_KEY = 'accumulated_gradients'


class AccumulationHook(Hook):
    """Keep the gradients of an unfinished step in the checkpoint.

    With several processes each process has gradients of its own, and the checkpoint of the first
    process cannot hold those of the others: they are lost, which the log tells.
    """

    _restored: bool = False

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add the gradients, if the optimizer waits for more of them.

        Args:
            runner: The runner.
            checkpoint: What is saved.
        """
        if _waits(runner) and get_world_size() == 1:
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
        self._restored = bool(gradients) and runner._resuming and get_world_size() == 1
        if gradients and self._restored:
            for name, weight in unwrap(runner.model).named_parameters():
                if name in gradients:
                    weight.grad = gradients[name].to(weight, copy=True)

    def before_train(self, runner: Any) -> None:
        """Warn if gradients are lost.

        Args:
            runner: The runner.
        """
        if _waits(runner) and not self._restored:
            runner.logger.warning(
                f'iteration {runner.iter} is inside of a step of accumulative_counts iterations, '
                'of which the checkpoint has no gradients (it is one of several processes): this '
                'step has fewer images; save at multiples of accumulative_counts to lose nothing'
            )


def _waits(runner: Any) -> bool:
    """Tell whether gradients wait for further ones."""
    wrapper = runner.optim_wrapper
    return isinstance(wrapper, OptimWrapper) and not wrapper.should_update()
