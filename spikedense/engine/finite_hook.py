"""The hook that keeps NaN and infinity out of the weights."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_gather_object, all_reduce, is_distributed
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from spikedense.errors import UserError
from spikedense.registry import HOOKS
from spikedense.utils.unwrap import unwrap
from spikedense.utils.wording import some_of

_COUNT = 'steps_left_out'
_POLICIES = ('stop', 'skip')
#: Number of images that are named: a batch of most configs.
_SHOWN = 16


class _Pass(NamedTuple):
    """A forward pass of the training: its losses and the files of its images."""

    losses: dict[str, Tensor]
    files: list[str]


@HOOKS.register_module()
class FiniteHook(Hook):
    """Make no step of the optimizer if a loss or a gradient is not finite.

    Every run has this hook. Name it in ``custom_hooks`` to choose another policy::

        custom_hooks = [dict(type='spikedense.FiniteHook', policy='skip', limit=10)]

    The hook looks at the losses and gradients before each step, so that the weights stay finite. A
    wrapper that scales the loss leaves out steps with infinite gradients itself, and finds its
    scale that way; there the hook looks at the losses only. All processes of a run decide alike.

    A checkpoint with weights that are not finite is not written.

    Args:
        policy: ``stop`` ends the run; ``skip`` leaves out the step, and gives the buffers, such as
            the running statistics of norms, the values from before the iteration.
        limit: How many steps ``skip`` leaves out, counted over the whole schedule and kept in
            checkpoints. One more ends the run.

    Raises:
        ValueError: An argument has another value.
    """

    # Run before hooks that average or save weights.
    priority = 'ABOVE_NORMAL'

    def __init__(self, policy: str = 'stop', limit: int = 10) -> None:
        if policy not in _POLICIES:
            raise ValueError(f"policy={policy!r}, expected 'stop' or 'skip'")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise ValueError(f'limit={limit!r}, expected an integer of at least 1')
        self.policy, self.limit = policy, limit
        self._files: list[str] = []
        self._passes: list[_Pass] = []
        self._buffers: list[tuple[Tensor, Tensor]] = []
        self._handles: list[RemovableHandle] = []

    def before_train(self, runner: Any) -> None:
        """Watch the model and its optimizer.

        Args:
            runner: The runner.
        """
        self._runner = runner
        wrapper, model = runner.optim_wrapper, unwrap(runner.model)
        if isinstance(wrapper, OptimWrapperDict):
            runner.logger.warning(
                'FiniteHook does not look at the losses of a model with several optimizers'
            )
            return
        self._scaled = hasattr(wrapper, 'loss_scaler')
        if self.policy == 'skip':
            self._buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        self._handles = [
            model.register_forward_hook(self._note_losses, with_kwargs=True),
            wrapper.optimizer.register_step_pre_hook(self._before_step),
        ]

    def after_train(self, runner: Any) -> None:
        """Let go of the model and the optimizer.

        Args:
            runner: Not read.
        """
        for handle in self._handles:
            handle.remove()

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Keep the names of the images, and the buffers from before a step.

        Args:
            runner: Not read.
            batch_idx: Not read.
            data_batch: The batch as loaded.
        """
        self._files = image_files(data_batch)
        if not self._passes:
            for buffer, kept in self._buffers:
                kept.copy_(buffer)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at the losses of a step that the scaler of the gradients has left out.

        Args:
            runner: The runner.
            batch_idx: Not read.
            data_batch: Not read.
            outputs: Not read.
        """
        if self._passes and runner.optim_wrapper.should_update():
            self._look(runner.optim_wrapper.optimizer)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Refuse to write weights that are not finite.

        Args:
            runner: The runner.
            checkpoint: What is saved.

        Raises:
            UserError: A weight is not finite.
        """
        weights = {name for name, _ in unwrap(runner.model).named_parameters()}
        # A buffer may hold infinity on purpose, as a mask does.
        wrong = [
            name
            for name, value in checkpoint['state_dict'].items()
            if isinstance(value, Tensor)
            and not _is_finite(value)
            and (name in weights or value.isnan().any())
        ]
        if wrong:
            raise UserError(
                f'values of {some_of(wrong)} are not finite, so no checkpoint is written, '
                f'{_newest(runner)}'
            )

    def _note_losses(self, model: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
        if kwargs.get('mode') == 'loss' and isinstance(output, Mapping):
            self._passes.append(_Pass(_losses(output), self._files))

    def _before_step(self, optimizer: Any, args: tuple, kwargs: dict) -> None:
        gradients = [] if self._scaled else _gradients(optimizer)
        self._look(optimizer, gradients)

    def _look(self, optimizer: Any, gradients: Sequence[Tensor] = ()) -> None:
        """Leave out a step, or end the run, if a value is not finite."""
        passes, self._passes = self._passes, []
        values = [value for one in passes for value in one.losses.values()]
        if _agreed_finite(values, gradients):
            return
        said = f'iteration {self._runner.iter + 1}: {self._reason(passes)}'
        hub = self._runner.message_hub
        count = hub.get_info(_COUNT, 0) + 1
        if self.policy == 'skip' and count <= self.limit:
            hub.update_info(_COUNT, count)
            # An optimizer passes over weights without a gradient.
            optimizer.zero_grad(set_to_none=True)
            for buffer, kept in self._buffers:
                buffer.copy_(kept)
            self._runner.logger.warning(
                f'{said}; the step is left out, number {count} of at most {self.limit}'
            )
            return
        advice = (
            f'limit={self.limit} of FiniteHook is reached'
            if self.policy == 'skip'
            else "custom_hooks=[dict(type='spikedense.FiniteHook', policy='skip')] leaves out a few"
            ' such steps'
        )
        raise UserError(
            f'{said}; the run ends before this step, {_newest(self._runner)}; look at these images '
            f'and the learning rate ({advice})'
        )

    def _reason(self, passes: list[_Pass]) -> str:
        """Say which losses or gradients are not finite in any process, and for which images."""
        parts = []
        for losses, files in passes:
            if not _agreed_finite(list(losses.values()), (), alone=True):
                shown = ', '.join(f'{name}={value.item():g}' for name, value in losses.items())
                parts.append(f'a loss is not finite ({shown}){_of_images(files)}')
        parts = sorted({part for found in _from_all(parts) for part in found})
        if parts:
            return ' and '.join(parts)
        named = dict(unwrap(self._runner.model).named_parameters())
        wrong = [
            name
            for name, weight in named.items()
            if weight.grad is not None and not weight.grad.isfinite().all()
        ]
        files = [
            file for found in _from_all([f for p in passes for f in p.files]) for file in found
        ]
        # Squares of finite numbers may add up to infinity.
        what = f'gradient of {some_of(wrong)}' if wrong else 'norm of the gradient'
        return f'the {what} is not finite{_of_images(files)}'


def image_files(data_batch: Any) -> list[str]:
    """Return the paths of the images of a batch.

    Args:
        data_batch: The batch as loaded.
    """
    if isinstance(data_batch, Mapping):
        return image_files(data_batch.get('data_samples'))
    if isinstance(data_batch, list | tuple):
        return [file for sample in data_batch for file in image_files(sample)]
    path = getattr(data_batch, 'metainfo', {}).get('img_path')
    return [] if path is None else [str(path)]


def _losses(output: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the losses that mmengine adds up, each as one number."""
    found = {}
    for name, value in output.items():
        parts = value if isinstance(value, list | tuple) else [value]
        if 'loss' in name and parts and all(isinstance(part, Tensor) for part in parts):
            found[name] = sum(
                (part.detach().mean() for part in parts[1:]), parts[0].detach().mean()
            )
    return found


def _is_finite(value: Tensor) -> bool:
    """Tell whether all elements are finite, in a fifth of the time of ``isfinite().all()``."""
    if not value.is_floating_point() or not value.numel():
        return True
    return all(bool(end.isfinite()) for end in value.aminmax())


def _gradients(optimizer: Any) -> list[Tensor]:
    return [
        weight.grad
        for group in optimizer.param_groups
        for weight in group['params']
        if weight.grad is not None
    ]


@torch.no_grad()
def _agreed_finite(
    values: Sequence[Tensor], gradients: Sequence[Tensor], alone: bool = False
) -> bool:
    """Tell whether numbers are finite, in all processes of the run.

    The answer is read from the device once.
    """
    numbers = [value.float() for value in values]
    if gradients:
        numbers.append(nn.utils.get_total_norm(gradients).float())
    if alone or not is_distributed():
        return not numbers or bool(torch.stack(numbers).isfinite().all())
    wrong = torch.zeros(1)
    if numbers:
        wrong = (~torch.stack(numbers).isfinite().all()).float().reshape(1)
    all_reduce(wrong, 'max')
    return not wrong.item()


def _from_all(found: list[str]) -> list[list[str]]:
    """Return what each process has found; all processes must call this."""
    return all_gather_object(found) if is_distributed() else [found]


def _of_images(files: list[str]) -> str:
    more = f' and {len(files) - _SHOWN} more' if len(files) > _SHOWN else ''
    return f' for the images {", ".join(map(repr, files[:_SHOWN]))}{more}' if files else ''


def _newest(runner: Any) -> str:
    if runner.saved:
        return f"the newest checkpoint is '{runner.saved[-1]}'"
    if runner._resume and runner._load_from:
        return f"the newest checkpoint is '{runner._load_from}'"
    return 'no checkpoint was written before'
