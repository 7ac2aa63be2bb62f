"""Training and testing with neurons that have no memory of earlier steps."""

import re
from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from torch import nn

from spikedense.errors import UserError
from spikedense.neurons import set_stateful
from spikedense.registry import HOOKS
from spikedense.utils.unwrap import unwrap

_PRESET = re.compile(r'(shallow|deep)_(\d+)|all')
_WORDS = "'shallow_K' or 'deep_K' with K from 1 to the number of stages, or 'all'"


@HOOKS.register_module()
class NonStatefulHook(Hook):
    """Take the memory of some neurons, see :func:`spikedense.neurons.set_stateful`.

    ``custom_hooks=[dict(type='spikedense.NonStatefulHook', preset='shallow_2')]``. A test uses the
    same neurons as the end of the training. Tools that run a model without a runner, as
    ``spikedense energy``, read the hook from the config.

    Args:
        preset: ``'shallow_K'`` or ``'deep_K'``, the first or the last K stages of the backbone, or
            ``'all'``, every neuron of the model.
        include: Patterns of names, instead of a preset.
        begin: Epoch (in a loop of iterations: iteration) from which on the neurons have no memory.
    """

    def __init__(
        self,
        preset: str | None = None,
        include: str | Sequence[str] | None = None,
        begin: int = 0,
    ) -> None:
        if (preset is None) == (include is None):
            raise UserError(
                f'NonStatefulHook: preset={preset!r} and include={include!r}, expected one of both'
            )
        if preset is not None and not _PRESET.fullmatch(str(preset)):
            raise UserError(f'NonStatefulHook: preset={preset!r}, expected {_WORDS}')
        if not isinstance(begin, int) or begin < 0:
            raise UserError(f'NonStatefulHook: begin={begin!r}, expected an integer of at least 0')
        self.preset = preset
        self.include = include
        self.begin = begin
        self._chosen: list[str] = []
        self._waiting = False

    def change_model(self, model: nn.Module) -> list[str]:
        """Take the memory of the neurons.

        Args:
            model: The model, maybe inside a wrapper; changed in place.

        Returns:
            Names of the neurons.

        Raises:
            UserError: A pattern matches no neuron, or the backbone has not so many stages.
        """
        if self.preset is None:
            return set_stateful(model, False, self.include or '*', 'NonStatefulHook: include')
        names = preset_patterns(unwrap(model), self.preset)
        return set_stateful(model, False, names, 'NonStatefulHook: preset')

    def before_run(self, runner: Any) -> None:
        """Take the memory; see :meth:`change_model`."""
        self._chosen = self.change_model(runner.model)
        runner.logger.info(f'{len(self._chosen)} neurons have no memory of earlier steps')

    def before_train(self, runner: Any) -> None:
        """Give the memory back if the training has not come to ``begin`` yet."""
        self._waiting = self._progress(runner) < self.begin
        if self._waiting:
            set_stateful(runner.model, True, self._chosen)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Take the memory when the training comes to ``begin``.

        Args:
            runner: The runner.
            batch_idx: Number of the batch.
            data_batch: Not read.
        """
        if self._waiting and self._progress(runner) >= self.begin:
            set_stateful(runner.model, False, self._chosen)
            self._waiting = False

    def _progress(self, runner: Any) -> int:
        by_epoch = hasattr(runner.train_loop, 'run_epoch')
        return runner.epoch if by_epoch else runner.iter


def preset_patterns(model: nn.Module, preset: str) -> list[str]:
    """Return the patterns of the neurons that a preset chooses.

    Args:
        model: A model with a ``backbone``, or a backbone.
        preset: See :class:`NonStatefulHook`.

    Returns:
        Patterns for :func:`spikedense.neurons.set_stateful`.

    Raises:
        UserError: The backbone has no stages or less than the preset names.
    """
    if preset == 'all':
        return ['*']
    which, number = preset.split('_')
    backbone: Any = getattr(model, 'backbone', model)
    stages = getattr(backbone, 'stages', ())
    if not 1 <= int(number) <= len(stages):
        raise UserError(
            f'NonStatefulHook: preset={preset!r}, but {type(backbone).__name__} has {len(stages)} '
            f'stages, expected {_WORDS}'
        )
    indices = range(len(stages))
    chosen = indices[: int(number)] if which == 'shallow' else indices[-int(number) :]
    prefix = '' if backbone is model else 'backbone.'
    return [f'{prefix}stages.{index}' for index in chosen]
